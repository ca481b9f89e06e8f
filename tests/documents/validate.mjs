// Validates what a running server says about itself, with validators that are not ours.
//   PARLOR_URL=http://127.0.0.1:8080 node validate.mjs
import { Parser } from "@asyncapi/parser";
import { Validator } from "@seriousme/openapi-schema-validator";

const url = process.env.PARLOR_URL ?? "http://127.0.0.1:8080";
let failed = 0;

/**
 * @param {string} name
 * @param {unknown[]} problems
 */
function report(name, problems) {
  for (const problem of problems) console.error(`${name}: ${JSON.stringify(problem)}`);
  console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${name}`);
  failed += problems.length === 0 ? 0 : 1;
}

/** @param {string} path */
async function read(path) {
  const answer = await fetch(url + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

// All at once: validating takes long enough for a server to close an idle connection.
const [rest, socket, html] = await Promise.all(["/openapi.json", "/asyncapi.json", "/docs"].map(read));
const openapi = JSON.parse(rest);
const { valid, errors } = await new Validator().validate(openapi);
report("openapi.json is valid OpenAPI 3.1", valid ? [] : [errors].flat());
const unresolved = [];
const known = new Set(Object.keys(openapi.components.schemas));
JSON.stringify(openapi, (key, value) => {
  const name = key === "$ref" ? value.replace("#/components/schemas/", "") : undefined;
  if (name !== undefined && !known.has(name)) unresolved.push(value);
  return value;
});
report("every reference of openapi.json leads somewhere", unresolved);

const { document, diagnostics } = await new Parser().parse(socket);
const wrong = diagnostics.filter((one) => one.severity === 0);
report("asyncapi.json is valid AsyncAPI 3", document ? wrong : [...wrong, "not a document"]);
const messages = document?.messages().all() ?? [];
report("asyncapi.json has frames both ways", messages.length > 20 ? [] : [messages.length]);

const elsewhere = [...html.matchAll(/(?:src|href)="(https?:)?\/\/[^"]+"/g)].map((one) => one[0]);
report("/docs is there and loads nothing from elsewhere", html.includes("<main") ? elsewhere : ["no page"]);

console.log(`${5 - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
