/**
 * A text that is larger than memory: trains on a generated text for some updates, validates, counts n-grams, and prints the times and the
 * largest resident memory of the process.
 *   npm run bench -- streaming [--megabytes 2000] [--updates 200] [--in-memory]
 * The text and the temporary file with its tokens are in a folder of the current directory, and are removed at the end. With
 * `--in-memory`, the text is read as a whole, for comparison; that works up to 64 MB.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { mkdtemp, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
/** Prints the largest resident memory of the process in KiB at its end. */
const REPORT = 'process.on("exit", () => console.error("maxRSS " + process.resourceUsage().maxRSS))';
/** Different words of the text: few are frequent, as in a language. */
const WORDS = 50_000;
/** Share of the text for validation, so that validating it does not take hours. */
const VALIDATION = 0.001;

/** A generator of uniform numbers, the same in each run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Writes so many bytes of lines of words. */
async function writeText(file, bytes) {
  const uniform = random(1);
  const word = () =>
    Array.from({ length: 1 + Math.floor(9 * uniform()) }, () => 'etaoinshrdlcumwfé'[Math.floor(17 * uniform() ** 1.5)]);
  const words = Array.from({ length: WORDS }, () => word().join(''));
  const out = createWriteStream(file);
  for (let written = 0; written < bytes; ) {
    const list = Array.from(
      { length: 20_000 },
      (_, i) => words[Math.floor(WORDS ** uniform()) - 1] + (i % 12 === 11 ? '.\n' : ' '),
    );
    const piece = Buffer.from(list.join(''));
    if (!out.write(piece)) await once(out, 'drain');
    written += piece.length;
  }
  out.end();
  await once(out, 'close');
}

export async function run(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      megabytes: { type: 'string', default: '2000' },
      updates: { type: 'string', default: '200' },
      'in-memory': { type: 'boolean', default: false },
    },
  });
  const folder = await mkdtemp('streaming-');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  process.once('exit', remove); // the files have gigabytes
  try {
    const file = join(folder, 'text.txt');
    await writeText(file, Number(values.megabytes) * 1e6);
    console.log(`${file}: ${((await stat(file)).size / 1e6).toFixed(1)} MB`);
    const flags = values['in-memory'] ? [] : ['--stream'];
    const sizes = ['--validation-split', String(VALIDATION), '--max-updates', values.updates];
    const args = ['train', file, ...sizes, ...flags, '--run', join(folder, 'run')];
    const started = performance.now();
    const child = spawn(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`, MAIN, ...args],
      { stdio: ['ignore', 'inherit', 'pipe'] },
    );
    process.once('exit', () => child.kill());
    let errors = '';
    child.stderr.on('data', (piece) => (errors += piece));
    const [code] = await once(child, 'close');
    const memory = /maxRSS (\d+)/.exec(errors);
    if (code !== 0 || memory === null) throw new Error(`unspool train gave ${code}: ${errors}`);
    console.log(
      `${((performance.now() - started) / 1000).toFixed(1)} s, largest resident memory ${(memory[1] / 1024).toFixed(0)} MiB`,
    );
  } finally {
    remove();
  }
}
