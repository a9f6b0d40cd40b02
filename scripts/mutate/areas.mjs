/** The areas that the score is given for: a part of src belongs to the first that matches. */
const AREAS = {
  'core/lstm': /^core\/lstm\//,
  core: /^core\//,
  'kernels/wasm': /^kernels\/wasm\//,
  'kernels/reference': /^kernels\/reference\//,
  gpu: /^(kernels\/gpu|gpu)\//,
  ...Object.fromEntries(
    [
      'optim',
      'train',
      'data',
      'metrics',
      'estimators',
      'lab',
      'inspect',
      'interop',
      'distributed',
      'tasks',
      'tune',
      'infer',
      'worker',
      'node',
      'cli',
    ].map((name) => [name, new RegExp(`^${name}/`)]),
  ),
  shared: /./, // contract, checks, kernels/shared and the files at the top
};

export const NAMES = Object.keys(AREAS);
export const areaOf = (file) => NAMES.find((name) => AREAS[name].test(file.replace(/^src\//, '')));
