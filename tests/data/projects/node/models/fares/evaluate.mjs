import { readFileSync, writeFileSync } from 'node:fs';
import { fareOf, rides } from './regression.mjs';

const [model, data, metrics] = process.argv.slice(2);
const { coefficients } = JSON.parse(readFileSync(model, 'utf8'));
const table = rides(data);
const mean = table.reduce((sum, ride) => sum + ride[2], 0) / table.length;
let missed = 0;
let spread = 0;
for (const [kilometres, minutes, fare] of table) {
  missed += (fare - fareOf(coefficients, kilometres, minutes)) ** 2;
  spread += (fare - mean) ** 2;
}
const rounded = (value) => Number(value.toFixed(4));
const numbers = { r2: rounded(1 - missed / spread), error: { rms: rounded(Math.sqrt(missed / table.length)) }, rides: table.length };
writeFileSync(metrics, `${JSON.stringify(numbers)}\n`);
console.log(`r2 ${numbers.r2} on ${table.length} held-out rides`);
