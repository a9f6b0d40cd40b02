/** Unpacks the entries of zip archives: a small file must not fill the memory. */
import { invalidFile } from '../invalid.js';
import { quoted } from '../safetensors.js';
import { requireUnpacked, storedBytes, type ZipEntry } from './zip.js';

/** How many times larger an entry may get. Weights get larger by less than 2, JSON by less than 30. */
const MAX_RATIO = 100;
/** An entry of up to this many bytes may be packed better. */
const ANY_RATIO = 1 << 20;

/** The bytes of an entry, stored or deflated; a view of the file if it is stored. Throws `INVALID_FILE`. */
export async function unpackedBytes(entry: ZipEntry, file: string): Promise<Uint8Array> {
  const { name, method, bytes, size } = entry;
  if (method === 0) return storedBytes(entry, file);
  const fail = (problem: string): never => {
    throw invalidFile(file, `${quoted(name)} ${problem}.`, 'Save the file again in the program that wrote it.');
  };
  if (method !== 8) return fail(`is packed by method ${method}; stored and deflated entries are read`);
  if (size > Math.max(ANY_RATIO, bytes.length * MAX_RATIO)) {
    return fail(`grows from ${bytes.length} to ${size} bytes, by more than ${MAX_RATIO} times`);
  }
  const content = (await inflate(bytes, size)) ?? fail(`does not unpack to ${size} bytes`);
  requireUnpacked(entry, content, file);
  return content;
}

/** Unpacks deflated bytes; null unless they are valid and unpack to `size` bytes. Stops as soon as there are more. */
async function inflate(packed: Uint8Array, size: number): Promise<Uint8Array | null> {
  const content = new Uint8Array(size);
  let length = 0;
  const stream = new Blob([new Uint8Array(packed)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return length === size ? content : null;
      if (length + value.length > size) return null;
      content.set(value, length);
      length += value.length;
    }
  } catch {
    return null;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
