/**
 * Damaged copies of the fixtures: an import gives a model or an error that names the problem, quickly. For a longer search:
 * `UNSPOOL_FUZZ_SECONDS=120 npx jest test/interop/fuzz-imports`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { UnspoolError } from '../../src/errors.js';
import { importModel } from '../../src/interop/imports/formats.js';
import { readZip, type ZipEntry } from '../../src/interop/imports/zip.js';
import { type TestRandom, testRandom } from '../support/random.js';
import { zipOf } from './archives.js';
import { joined } from './safetensors-support.js';

const SECONDS = Number(process.env.UNSPOOL_FUZZ_SECONDS ?? 0);
/** Mutations in the suite. */
const MUTATIONS = 300;
const MODELS = /\.(pt|safetensors|onnx|keras|h5|npz)$|\/model\.json$/;

/** The fixtures of all formats. */
const FILES = ['pytorch', 'onnx', 'keras']
  .flatMap((folder) =>
    (readdirSync(join(__dirname, folder), { recursive: true }) as string[]).map((at) => join(folder, at)),
  )
  .filter((name) => MODELS.test(name))
  .sort()
  .map((name) => ({ name, bytes: new Uint8Array(readFileSync(join(__dirname, name))) }));
const isArchive = (name: string): boolean => /\.(pt|keras|npz)$/.test(name) && !name.endsWith('legacy.pt');

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];

/** A copy with one to eight changes: bytes that are replaced, removed, repeated or exchanged, or the end cut off. */
function mutated(bytes: Uint8Array, random: TestRandom): Uint8Array {
  let out: Uint8Array = new Uint8Array(bytes);
  for (let changes = 1 + random.integer(8); changes > 0 && out.length > 0; changes--) {
    const [at, length] = [random.integer(out.length), 1 + random.integer(16)];
    const kind = random.integer(6);
    if (kind === 0) out[at] = random.integer(256);
    else if (kind === 1) out[at]! ^= 1 << random.integer(8);
    else if (kind === 2) out.fill(EXTREMES[random.integer(5)]!, at, at + length);
    else if (kind === 3) out = joined(out.subarray(0, at), out.subarray(at + length));
    else if (kind === 4) {
      const from = random.integer(out.length);
      out = joined(out.subarray(0, at), out.subarray(from, from + length), out.subarray(at));
    } else if (random.integer(8) === 0) out = out.slice(0, at);
  }
  return out;
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
      const isInside = isArchive(name) && random.integer(3) > 0;
      const file = isInside ? withMutatedEntry(bytes, random) : mutated(bytes, random);
      const node = random.integer(4) === 0 ? { node: 'lstm' } : {};
      const part = async (path: string) => new Uint8Array(readFileSync(join(__dirname, dirname(name), basename(path))));
      const begin = process.cpuUsage();
      try {
        const { parameters } = await importModel(file, { file: name, part, ...node });
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
