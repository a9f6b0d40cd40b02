/**
 * Provides WebGPU in tests. jest cannot load the npm package `webgpu`, which is an ES module, so this loads its native
 * part. Its objects belong to the realm outside the tests, which is why it only sets globals.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Dawn {
  create(options: string[]): object;
  readonly globals: object;
}

export function provideWebGpu(): void {
  const find = createRequire(join(__dirname, 'webgpu.ts'));
  const folder = join(dirname(find.resolve('webgpu')), 'dist', `${process.platform}-${process.arch}`);
  const { create, globals } = find(join(folder, 'dawn.node')) as Dawn;
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]) }, configurable: true, writable: true });
}
