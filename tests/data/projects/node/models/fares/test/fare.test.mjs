import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fareOf, fit } from '../regression.mjs';

const { coefficients } = JSON.parse(readFileSync('model.json', 'utf8'));

test('finds the tariff behind exact fares', () => {
  const exact = [[1, 4], [2, 3], [5, 11], [8, 9]].map(([km, min]) => [km, min, 3 + 2 * km + 0.5 * min]);
  fit(exact).forEach((value, i) => assert.ok(Math.abs(value - [3, 2, 0.5][i]) < 1e-6));
});

test('a longer ride costs more', () => {
  assert.ok(fareOf(coefficients, 9, 20) > fareOf(coefficients, 3, 20));
});
