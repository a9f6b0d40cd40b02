/** What a module that `unspool export --to module --simd` writes begins with: the model follows as base64. */
import { decodeBase64 } from './base64.js';
import { loadModel } from './simd.js';

export const load = (base64: string) => loadModel(decodeBase64(base64));
