// Taxi fares as a straight function of kilometres and minutes, by the normal equations.
import { readFileSync } from 'node:fs';

export function rides(file) {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => line.split(',').map(Number));
}

export function fit(table) {
  const size = 3;
  const system = Array.from({ length: size }, () => new Array(size + 1).fill(0));
  for (const [kilometres, minutes, fare] of table) {
    const row = [1, kilometres, minutes];
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) system[i][j] += row[i] * row[j];
      system[i][size] += row[i] * fare;
    }
  }
  for (let pivot = 0; pivot < size; pivot += 1) {
    for (let i = 0; i < size; i += 1) {
      if (i === pivot) continue;
      const factor = system[i][pivot] / system[pivot][pivot];
      for (let j = pivot; j <= size; j += 1) system[i][j] -= factor * system[pivot][j];
    }
  }
  return system.map((row, i) => Number((row[size] / row[i]).toFixed(6)));
}

export const fareOf = ([base, perKilometre, perMinute], kilometres, minutes) =>
  base + perKilometre * kilometres + perMinute * minutes;
