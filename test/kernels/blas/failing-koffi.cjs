/** Imitates koffi with libraries that have the functions of OpenBLAS. What their product does is their path. */
const PRODUCTS = {
  crashes: () => process.kill(process.pid, 'SIGILL'),
  exits: () => process.exit(0),
  throws: () => {
    throw new TypeError('Expected 13 arguments, got 14');
  },
};

exports.config = () => ({ async_stack_size: Number.POSITIVE_INFINITY });
exports.address = () => 4096n;
exports.load = (path) => {
  const functions = {
    openblas_get_config: () => 'OpenBLAS 9.1',
    openblas_get_corename: () => 'Imitation',
    openblas_get_parallel: () => 1,
    openblas_set_num_threads: () => {},
    cblas_sgemm: PRODUCTS[path],
    dlopen: () => {},
  };
  const named = (name) => {
    if (!functions[name]) throw new Error(`Cannot find function '${name}'`);
    return functions[name];
  };
  return { func: named, symbol: named };
};
