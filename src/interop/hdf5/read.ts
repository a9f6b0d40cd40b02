/**
 * Reads the part of HDF5 that Keras writes: groups, attributes of text, and floating-point datasets in one piece. Format:
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html (version 3.0; sections are named below)
 *
 * A file may be hostile: trees with loops, sizes of gigabytes, headers that continue themselves. So a group is read only when a
 * name in it is looked up, every address is compared with the length of the file, and all work counts against one limit.
 */
import { Hdf5Bytes } from './bytes.js';
import { findMessage, MESSAGE, type Message, messagesOf } from './messages.js';
import { type AttributeValue, attributeAt, type Dataset, datasetOf } from './values.js';

export type { Dataset } from './values.js';

/** A group or a dataset. */
export class Hdf5Object {
  private readonly bytes: Hdf5Bytes;
  private readonly messages: readonly Message[];
  private readonly objects: Map<number, Hdf5Object>;
  private links: ReadonlyMap<string, number> | null = null;

  constructor(bytes: Hdf5Bytes, at: number, objects: Map<number, Hdf5Object>) {
    this.bytes = bytes;
    this.messages = messagesOf(bytes, at);
    this.objects = objects;
  }

  /** The names of a group's members, in the order of the file. */
  names(): string[] {
    return [...this.members().keys()];
  }

  /** The member at a path, such as `layers/lstm`; null if there is none. */
  get(path: string): Hdf5Object | null {
    let at: Hdf5Object | null = this;
    for (const name of path.split('/')) at = name === '' || at === null ? at : at.member(name);
    return at;
  }

  /** The texts of an attribute; null if there is none of this name, or it is not text. */
  attribute(name: string): AttributeValue {
    for (const message of this.messages) {
      if (message.type !== MESSAGE.attribute) continue;
      this.bytes.spend();
      const attribute = attributeAt(this.bytes, message);
      if (attribute.name === name) return attribute.read();
    }
    const info = findMessage(this.bytes, this.messages, MESSAGE.attributeInfo);
    if (info && this.bytes.address(info.at + 2 + (this.bytes.u8(info.at + 1) & 1 ? 2 : 0)) !== null)
      unsupportedStorage(this.bytes);
    return null;
  }

  /** The dataset; null for a group. */
  dataset(): Dataset | null {
    return datasetOf(this.bytes, this.messages);
  }

  private member(name: string): Hdf5Object | null {
    const at = this.members().get(name);
    if (at === undefined) return null;
    const known = this.objects.get(at);
    if (known) return known;
    const object = new Hdf5Object(this.bytes, at, this.objects);
    this.objects.set(at, object);
    return object;
  }

  private members(): ReadonlyMap<string, number> {
    this.links ??= readLinks(this.bytes, this.messages);
    return this.links;
  }
}

const unsupportedStorage = (bytes: Hdf5Bytes): never =>
  bytes.fail(
    'it uses a storage for many names (a fractal heap), which is not supported.',
    "Save it without libver='latest'.",
  );

/** The addresses of a group's members by name. */
function readLinks(bytes: Hdf5Bytes, messages: readonly Message[]): Map<string, number> {
  const links = new Map<string, number>();
  const table = findMessage(bytes, messages, MESSAGE.symbolTable);
  if (table) {
    const heap = bytes.u64(table.at + 8);
    bytes.signature(heap, 'HEAP');
    const names = { at: bytes.u64(heap + 24), size: bytes.u64(heap + 8) };
    readTree(bytes, bytes.u64(table.at), { names, links, level: null });
  }
  const info = findMessage(bytes, messages, MESSAGE.linkInfo);
  if (info && bytes.address(info.at + 2 + (bytes.u8(info.at + 1) & 1 ? 8 : 0)) !== null) unsupportedStorage(bytes);
  for (const message of messages) if (message.type === MESSAGE.link) readLink(bytes, message, links);
  return links;
}

interface TreeContext {
  readonly names: { readonly at: number; readonly size: number };
  readonly links: Map<string, number>;
  /** The level that the node must have: each is one below its parent's. Null for the root. */
  readonly level: number | null;
}

/** Levels of a tree: 2^15 names each. */
const MAX_LEVEL = 8;

/** A node of a group's B-tree, version 1 (III.A.1). */
function readTree(bytes: Hdf5Bytes, at: number, context: TreeContext): void {
  bytes.spend();
  bytes.signature(at, 'TREE');
  const level = bytes.u8(at + 5);
  if (bytes.u8(at + 4) !== 0 || level > MAX_LEVEL || (context.level !== null && level !== context.level)) {
    bytes.damaged(`the tree node at ${at} has the wrong type or level`);
  }
  const count = bytes.u16(at + 6);
  for (let i = 0; i < count; i++) {
    const child = bytes.u64(at + 32 + 16 * i);
    if (level > 0) readTree(bytes, child, { ...context, level: level - 1 });
    else readSymbols(bytes, child, context);
  }
}

/** A node with the names of members (III.C). */
function readSymbols(bytes: Hdf5Bytes, at: number, { names, links }: TreeContext): void {
  bytes.spend();
  bytes.signature(at, 'SNOD');
  const count = bytes.u16(at + 6);
  for (let i = 0; i < count; i++) {
    bytes.spend();
    const entry = at + 8 + 40 * i;
    const isSymbolicLink = bytes.u32(entry + 16) === 2;
    if (!isSymbolicLink)
      addLink(bytes, links, bytes.terminated(names.at + bytes.u64(entry), names.at + names.size), bytes.u64(entry + 8));
  }
}

/** A link message (IV.A.2.g). */
function readLink(bytes: Hdf5Bytes, { at }: Message, links: Map<string, number>): void {
  const flags = bytes.u8(at + 1);
  let next = at + 2;
  const isHard = !(flags & 8) || bytes.u8(next) === 0;
  next += (flags & 8 ? 1 : 0) + (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0);
  const sizeBytes = 1 << (flags & 3);
  const size = bytes.sized(next, sizeBytes);
  const name = next + sizeBytes;
  if (isHard) addLink(bytes, links, bytes.text(name, size), bytes.u64(name + size));
}

function addLink(bytes: Hdf5Bytes, links: Map<string, number>, name: string, at: number): void {
  if (links.has(name)) bytes.damaged(`a group has the name ${JSON.stringify(name.slice(0, 80))} twice`);
  links.set(name, at);
}

/** Opens an HDF5 file: its root group. Throws `INVALID_FILE`, here and wherever a part is read; `file` is its name in messages. */
export function readHdf5(content: Uint8Array, file: string): Hdf5Object {
  const bytes = new Hdf5Bytes(content, file);
  bytes.signature(0, '\x89HDF');
  const version = bytes.u8(8);
  if (version > 3) bytes.fail(`it is an HDF5 file of version ${version}; versions 0 to 3 are read.`);
  const sizes = version < 2 ? 13 : 9;
  if (bytes.u8(sizes) !== 8 || bytes.u8(sizes + 1) !== 8)
    bytes.fail('its addresses do not have 8 bytes, which is not supported.');
  const base = version < 2 ? (version === 0 ? 24 : 28) : 12;
  if (bytes.u64(base) !== 0) bytes.fail('it does not begin at its first byte (a user block), which is not supported.');
  // Versions 0 and 1 have the root's address in a symbol table entry, after four addresses and the offset of a name.
  const root = bytes.u64(version < 2 ? base + 40 : 36);
  return new Hdf5Object(bytes, root, new Map());
}
