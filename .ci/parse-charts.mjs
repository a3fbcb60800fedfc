// Reads charts with Mermaid's own parser, and one that is broken, which it must refuse.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// Mermaid cleans titles with the help of a document.
const { window } = new JSDOM("<!doctype html><body></body>");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");

const problem = (text) => mermaid.parse(text).then(() => null, (error) => String(error));
let broken = 0;
for (const name of process.argv.slice(2)) {
  const text = readFileSync(name, "utf8");
  const refused = await problem(text);
  if (refused) console.error(`${name}: ${refused}`);
  const passed = !(await problem(text.replace('title "', 'title "x" "')));
  if (passed) console.error(`${name}: the parser refuses nothing`);
  broken += Boolean(refused) + passed;
  console.log(`${name}: read`);
}
process.exitCode = broken ? 1 : 0;
