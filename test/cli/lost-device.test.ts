/** The GPU is lost in the middle of `unspool train`: the checkpoint has what was learned, and can be resumed. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeOnWebGpu } from '../support/machine.js';
import { folder, jsonLines, MAIN, ROOT, start, TINY } from './support.js';

/** A module that runs before the program: a signal destroys the device, as a driver reset does. */
const LOSES = `
import gpuJs from ${JSON.stringify(join(ROOT, 'node_modules/gpu.js/src/index.js'))};
process.on('SIGUSR2', () => void gpuJs.WebGPUContext.destroy());
`;

describeOnWebGpu('a lost device', () => {
  test('costs no more than the updates since the last copy', async () => {
    const here = folder();
    const before = here.write('loses.mjs', LOSES);
    const args = ['train', 'text.txt', ...TINY, '--epochs', '999', '--backend', 'gpu:webgpu', '--out', 'm.safetensors'];
    const running = start(here.path, [...args, '--json'], process.execPath, ['--import', before, MAIN]);
    await running.printed(/"kind":"update".*"update":12,/);
    running.process.kill('SIGUSR2');
    const { code, stdout, stderr } = await running.ended;
    expect(code).toBe(1);
    const last = jsonLines(stdout)
      .filter(({ kind }) => kind === 'update')
      .at(-1)!.update as number;
    const [, file, step] = /The last good checkpoint, (\S+), is from update (\d+)\./.exec(stderr) ?? [];
    expect(stderr).toMatch(/^unspool train: the GPU was lost/m);
    expect(file).toBe('m.checkpoint.safetensors');
    expect(Number(step)).toBeGreaterThan(0);
    expect(Number(step)).toBeLessThanOrEqual(last);
    expect(here.files()).toEqual(['loses.mjs', 'm.checkpoint.safetensors', 'text.txt']);
    const rest = await here.ok(
      'train',
      '--resume',
      'm.checkpoint.safetensors',
      '--max-updates',
      `${last + 2}`,
      '--json',
    );
    expect(jsonLines(rest).find(({ kind }) => kind === 'update')).toMatchObject({ update: Number(step) + 1 });
  });
});
