// Reads workflows with GitHub's own parser, through its second pass, which finds needs and circles.
import { readFileSync } from "node:fs";
import { register } from "node:module";

// The parser imports JSON without saying so.
const loader = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(loader)}`);
const { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } = await import("@actions/workflow-parser");

let broken = 0;
for (const name of process.argv.slice(2)) {
  const { context, value } = parseWorkflow({ name, content: readFileSync(name, "utf8") }, new NoOperationTraceWriter());
  const template = value && (await convertWorkflowTemplate(context, value));
  const errors = new Set(context.errors.getErrors().map((error) => error.message));
  for (const error of template?.errors ?? []) errors.add(error.Message);
  for (const error of errors) console.error(`${name}: ${error}`);
  broken += errors.size;
  console.log(`${name}: ${template?.jobs?.length ?? 0} jobs`);
}
process.exitCode = broken ? 1 : 0;
