// @ts-check
// Shows the two documents: every call and every frame, with its shapes written out.

/** @typedef {Record<string, any>} Json */

/**
 * An element with attributes and children.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * A schema as a short text, references written out one level at a time.
 * @param {Json} schema
 * @param {Json} schemas
 * @param {number} depth
 * @returns {string}
 */
function shape(schema, schemas, depth = 0) {
  if (!schema) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 3 ? name : shape(schemas[name], schemas, depth + 1);
  }
  const indent = "  ".repeat(depth + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ one) => JSON.stringify(one)).join(" | ");
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map((/** @type {Json} */ one) => shape(one, schemas, depth)).join(" | ");
  if (schema.allOf) return schema.allOf.map((/** @type {Json} */ one) => shape(one, schemas, depth)).join(" & ");
  if (schema.properties) {
    const required = new Set(schema.required ?? []);
    const lines = Object.entries(schema.properties).map(
      ([name, one]) => `${indent}${name}${required.has(name) ? "" : "?"}: ${shape(one, schemas, depth + 1)}`,
    );
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  if (schema.items) return `[${shape(schema.items, schemas, depth)}]`;
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "any");
  return schema.format ? `${type} (${schema.format})` : type;
}

/**
 * @param {string} verb
 * @param {string} what
 * @param {string} says
 * @param {[string, string][]} parts
 */
function entry(verb, what, says, parts) {
  const summary = element(
    "summary", {}, element("span", { class: "verb" }, verb), element("code", {}, what), " ", element("small", {}, says),
  );
  const shown = parts.flatMap(([title, text]) => [element("h4", {}, title), element("pre", {}, text)]);
  return element("details", { "data-entry": `${verb} ${what}` }, summary, ...shown);
}

/** @param {Json} api */
function calls(api) {
  const schemas = api.components.schemas;
  /** @type {Map<string, HTMLElement[]>} */
  const byTag = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, call] of Object.entries(methods)) {
      /** @type {[string, string][]} */
      const parts = [];
      const parameters = (call.parameters ?? []).map(
        (/** @type {Json} */ one) => `${one.in} ${one.name}${one.required ? "" : "?"}: ${shape(one.schema, schemas)}`,
      );
      if (parameters.length > 0) parts.push(["Parameters", parameters.join("\n")]);
      const body = call.requestBody?.content?.["application/json"]?.schema;
      if (body) parts.push(["Body", shape(body, schemas)]);
      for (const [status, answer] of Object.entries(call.responses)) {
        const schema = Object.values(answer.content ?? {})[0]?.schema;
        parts.push([`Answer ${status}`, schema ? shape(schema, schemas) : "(see PROTOCOL)"]);
      }
      const tag = call.tags?.[0] ?? "other";
      const list = byTag.get(tag) ?? [];
      list.push(entry(method.toUpperCase(), path, call.summary ?? "", parts));
      byTag.set(tag, list);
    }
  }
  return [...byTag].map(([tag, list]) => section(`REST: ${tag}`, list));
}

/** @param {Json} api */
function frames(api) {
  const { messages, schemas } = api.components;
  /** @param {string} operation */
  const of = (operation) =>
    api.operations[operation].messages.map((/** @type {Json} */ one) => {
      const message = messages[one.$ref.split("/").pop()];
      const verb = operation === "fromClients" ? "send" : "hear";
      return entry(verb, message.name, message.payload.description ?? "", [["Frame", shape(message.payload, schemas)]]);
    });
  return [section("Socket: what clients say", of("fromClients")), section("Socket: what the server says", of("toClients"))];
}

/**
 * @param {string} title
 * @param {HTMLElement[]} list
 */
function section(title, list) {
  const id = title.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  return element("section", { id }, element("h2", {}, title), ...list);
}

/** @param {string} path */
async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function show() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
  try {
    const [rest, socket] = await Promise.all([read("/openapi.json"), read("/asyncapi.json")]);
    const sections = [...frames(socket), ...calls(rest)];
    main.replaceChildren(...sections);
    nav.append(
      ...sections.map((one) => element("a", { href: `#${one.id}` }, one.querySelector("h2")?.textContent ?? "")),
    );
  } catch (error) {
    main.replaceChildren(element("p", { role: "alert" }, `The documents can't be read: ${error}`));
  }
  main.removeAttribute("aria-busy");
}

await show();
