#!/bin/sh
# Puts the pinned ES modules of preact and htm (and their licences) beside this file.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for package in preact@11.2.0 htm@3.1.1; do
  (cd "$tmp" && tar xzf "$(npm pack --silent "$package")" && mv package "${package%@*}")
done
cp "$tmp/preact/LICENSE" preact.LICENSE
cp "$tmp/htm/LICENSE" htm.LICENSE
# The source-map comments go: the maps are not served. The bare import becomes a relative one: no import map.
sed '/sourceMappingURL/d' "$tmp/preact/dist/preact.mjs" > preact.js
sed -e '/sourceMappingURL/d' -e 's|from"preact"|from"./preact.js"|' "$tmp/preact/hooks/dist/hooks.mjs" > hooks.js
cp "$tmp/htm/dist/htm.mjs" htm.js
