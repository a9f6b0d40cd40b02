/**
 * Damaged copies of the fixtures: an import gives a model or an error that names the problem, quickly. For a longer search:
 * `UNSPOOL_FUZZ_SECONDS=120 npx jest test/interop/fuzz-imports`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UnspoolError } from '../../src/errors.js';
import { importModel } from '../../src/interop/imports/formats.js';
import { readZip, type ZipEntry } from '../../src/interop/imports/zip.js';
import { type TestRandom, testRandom } from '../support/random.js';
import { zipOf } from './archives.js';

const SECONDS = Number(process.env.UNSPOOL_FUZZ_SECONDS ?? 0);
/** Mutations in the suite. */
const MUTATIONS = 400;
const MODELS = /\.(pt|safetensors)$/;

const folder = join(__dirname, 'pytorch');
const FILES = readdirSync(folder)
  .filter((name) => MODELS.test(name))
  .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(folder, name))) }));

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];

/** A copy with one to eight changes: bytes that are replaced, removed, repeated or exchanged, or the end cut off. */
function mutated(bytes: Uint8Array, random: TestRandom): Uint8Array {
  let out = [...bytes];
  for (let changes = 1 + random.integer(8); changes > 0 && out.length > 0; changes--) {
    const [at, length] = [random.integer(out.length), 1 + random.integer(16)];
    const kind = random.integer(6);
    if (kind === 0) out[at] = random.integer(256);
    else if (kind === 1) out[at] = out[at]! ^ (1 << random.integer(8));
    else if (kind === 2)
      for (let i = at; i < Math.min(out.length, at + length); i++) out[i] = EXTREMES[random.integer(5)]!;
    else if (kind === 3) out.splice(at, length);
    else if (kind === 4) out.splice(at, 0, ...out.slice(random.integer(out.length)).slice(0, length));
    else if (random.integer(8) === 0) out = out.slice(0, at);
  }
  return Uint8Array.from(out);
}

/** An archive with one entry damaged, and correct checksums: the damage reaches what reads the entry. */
function withMutatedEntry(bytes: Uint8Array, random: TestRandom): Uint8Array {
  const entries: ZipEntry[] = [...readZip(bytes, 'fixture').values()];
  const pickle = entries.findIndex(({ name }) => name.endsWith('data.pkl'));
  const chosen = random.integer(4) === 0 ? random.integer(entries.length) : pickle;
  return zipOf(
    entries.map(({ name, bytes: data }, i) => ({ name, data: i === chosen ? mutated(data, random) : data })),
  );
}

test(
  'every damaged file gives a model or an UnspoolError',
  async () => {
    const random = testRandom(SECONDS > 0 ? Date.now() : 9);
    const end = Date.now() + 1000 * SECONDS;
    let [count, models, longest] = [0, 0, 0];
    for (; count < MUTATIONS || Date.now() < end; count++) {
      const { name, bytes } = FILES[random.integer(FILES.length)]!;
      const isInside = name.endsWith('.pt') && name !== 'legacy.pt' && random.integer(3) > 0;
      const file = isInside ? withMutatedEntry(bytes, random) : mutated(bytes, random);
      const node = random.integer(4) === 0 ? { node: 'lstm' } : {};
      const begin = process.cpuUsage();
      try {
        const { parameters } = await importModel(file, { file: name, ...node });
        expect(parameters.size).toBeGreaterThan(0);
        models++;
      } catch (error) {
        if (!(error instanceof UnspoolError))
          throw new Error(`${name}: ${Buffer.from(file).toString('base64')}`, { cause: error });
        expect(['INVALID_FILE', 'INVALID_SETTING']).toContain(error.code);
        expect(error.message.length).toBeLessThan(5000);
      }
      longest = Math.max(longest, process.cpuUsage(begin).user / 1e6);
    }
    if (SECONDS > 0) console.log(`${count} files, ${models} still models, longest ${longest} s`);
    expect(models).toBeGreaterThan(count / 100);
    expect(count - models).toBeGreaterThan(count / 4);
    expect(longest).toBeLessThan(2);
  },
  1000 * (SECONDS + 60),
);
