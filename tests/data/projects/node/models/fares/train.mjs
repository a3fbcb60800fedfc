import { writeFileSync } from 'node:fs';
import { fit, rides } from './regression.mjs';

const [data, model] = process.argv.slice(2);
const table = rides(data);
writeFileSync(model, `${JSON.stringify({ coefficients: fit(table) })}\n`);
console.log(`trained on ${table.length} rides`);
