/** Hashes of what was read, which a checkpoint and a study keep. */
import { createHash } from 'node:crypto';
import { readBytes } from '../node/index.js';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

export const sha256OfFile = async (file: string): Promise<string> => sha256(await readBytes(file));
