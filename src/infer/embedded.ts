/** What a module that `unspool export --to module` writes begins with: the model follows as base64. */
import { decodeBase64 } from './base64.js';
import { loadModel } from './index.js';

export const load = (base64: string) => loadModel(decodeBase64(base64));
