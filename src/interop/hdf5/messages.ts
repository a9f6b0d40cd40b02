/** Object headers of HDF5: an object is a list of messages. Versions 1 and 2. */
import type { Hdf5Bytes } from './bytes.js';

/** The messages that are read, by their numbers in the format. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** One message. */
export interface Message {
  readonly type: number;
  /** Address of its data. */
  readonly at: number;
  readonly size: number;
}

/** Blocks of messages that one object may have. */
const MAX_BLOCKS = 1000;

interface Block {
  readonly at: number;
  readonly size: number;
}

/** The messages of the object at an address. */
export function messagesOf(bytes: Hdf5Bytes, at: number): Message[] {
  bytes.spend();
  const version = bytes.u8(at);
  if (version === 1) {
    const first = { at: at + 16, size: bytes.u32(at + 8) };
    return readBlocks(bytes, first, (block, more) => readBlock(bytes, block, { header: 8, version: 1 }, more));
  }
  if (version !== 0x4f) return bytes.damaged(`byte ${at} does not begin an object`);
  bytes.signature(at, 'OHDR');
  const flags = bytes.u8(at + 5);
  const start = at + 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  const sizeBytes = 1 << (flags & 3);
  const first = { at: start + sizeBytes, size: bytes.sized(start, sizeBytes) };
  const form = { header: flags & 4 ? 6 : 4, version: 2 } as const;
  return readBlocks(bytes, first, (block, more) => {
    if (block === first) return readBlock(bytes, block, form, more);
    bytes.signature(block.at, 'OCHK'); // its last four bytes are a checksum
    return readBlock(bytes, { at: block.at + 4, size: block.size - 8 }, form, more);
  });
}

/** Reads a block, and those that its continuation messages name: each once. */
function readBlocks(
  bytes: Hdf5Bytes,
  first: Block,
  read: (block: Block, more: (block: Block) => void) => Message[],
): Message[] {
  const blocks = [first];
  const seen = new Set([first.at]);
  const messages: Message[] = [];
  for (const block of blocks) {
    const more = (next: Block): void => {
      if (seen.has(next.at)) bytes.damaged(`the block at ${next.at} continues itself`);
      if (blocks.length === MAX_BLOCKS) bytes.damaged(`an object has more than ${MAX_BLOCKS} blocks`);
      seen.add(next.at);
      blocks.push(next);
    };
    for (const message of read(block, more)) messages.push(message);
  }
  return messages;
}

function readBlock(
  bytes: Hdf5Bytes,
  { at, size }: Block,
  { header, version }: { readonly header: number; readonly version: 1 | 2 },
  more: (block: Block) => void,
): Message[] {
  bytes.requireWithin(at, size);
  const messages: Message[] = [];
  const end = at + size;
  for (let next = at; next + header <= end; ) {
    bytes.spend();
    const type = version === 1 ? bytes.u16(next) : bytes.u8(next);
    const length = bytes.u16(next + (version === 1 ? 2 : 1));
    const flags = bytes.u8(next + (version === 1 ? 4 : 3));
    const data = next + header;
    if (data + length > end) bytes.damaged(`the message at ${next} is larger than its block`);
    if (type === MESSAGE.continuation) more({ at: bytes.u64(data), size: bytes.u64(data + 8) });
    // A shared message is a reference to another object.
    else messages.push({ type: flags & 2 ? -type : type, at: data, size: length });
    next = data + length;
  }
  return messages;
}

/** The only message of a type; null if there is none. Throws for a shared one. */
export function findMessage(bytes: Hdf5Bytes, messages: readonly Message[], type: number): Message | null {
  const found = messages.find((message) => Math.abs(message.type) === type);
  if (found && found.type < 0) bytes.fail('it has a shared message (a committed datatype), which is not supported.');
  return found ?? null;
}
