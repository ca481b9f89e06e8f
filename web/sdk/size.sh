#!/bin/sh
# What the SDK weighs on the wire: every module compressed on its own, as it is served.
cd "$(dirname "$0")"
total=0
for file in *.js; do
  size=$(gzip -9 -c "$file" | wc -c)
  printf '%6d %s\n' "$size" "$file"
  total=$((total + size))
done
echo "$total bytes, one by one; $(cat *.js | gzip -9 -c | wc -c) bytes as one"
