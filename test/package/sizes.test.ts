/** How small unspool/infer is in a page. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { ROOT } from '../cli/support.js';

/** Bytes of an entry, bundled, minified and gzipped. */
function sizeOf(entry: string): number {
  const flags = ['--bundle', '--minify', '--format=esm', '--log-level=error'];
  const code = execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, 'dist', entry), ...flags]);
  return gzipSync(code, { level: 9 }).length;
}

test.each([
  ['infer/index.js', 6 * 1024],
  ['infer/simd.js', 20 * 1024],
])('dist/%s has at most %i bytes', (entry, limit) => {
  const size = sizeOf(entry);
  process.stdout.write(`unspool/${entry}: ${size} bytes gzipped\n`);
  expect(size).toBeLessThanOrEqual(limit);
});
