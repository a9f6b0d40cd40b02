/** Which native libraries are used and which are refused: with imitations, and with the reference BLAS where it is installed. */
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { findBlas, libraryPaths } from '../../../src/kernels/blas/library.js';
import type { Koffi } from '../../../src/native/koffi.js';
import { problemOf, thrown } from '../../support/errors.js';

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** koffi with these libraries. */
function koffiWith(libraries: Readonly<Record<string, Functions>>): Koffi {
  const load = (path: string | null) => {
    const functions = libraries[path!];
    if (!functions) throw new Error(`Failed to load ${path}`);
    const named = (name: string) => {
      if (!functions[name]) throw new Error(`Cannot find function '${name}'`);
      return functions[name];
    };
    return { func: named, symbol: named };
  };
  return { load } as unknown as Koffi;
}

const openBlas = (changes: Functions = {}): Functions => ({
  openblas_get_config: () => 'OpenBLAS 0.3.30 DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64',
  openblas_get_corename: () => 'SkylakeX',
  openblas_get_parallel: () => 1,
  openblas_set_num_threads: () => {},
  cblas_sgemm: () => {},
  ...changes,
});
const blis = (integerBits: number): Functions => ({
  bli_info_get_version_str: () => '2.0',
  bli_arch_query_id: () => 3,
  bli_arch_string: (id: number) => (id === 3 ? 'zen4' : 'generic'),
  bli_info_get_blas_int_type_size: () => BigInt(integerBits),
  bli_thread_set_num_threads: () => {},
  cblas_sgemm: () => {},
});
const mkl = (layer: number, calls: unknown[] = []): Functions => ({
  MKL_Set_Threading_Layer: (value: number) => calls.push(['threading', value]),
  MKL_Set_Interface_Layer: (value: number) => {
    calls.push(['interface', value]);
    return layer;
  },
  MKL_Get_Version_String: (line: Uint8Array) =>
    line.set(Buffer.from('Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605')),
  cblas_sgemm: () => {},
});
const reference: Functions = { cblas_sgemm: () => {}, sgemm_: () => {} };

describe('a library is used', () => {
  test('OpenBLAS, limited to the calling thread', () => {
    expect(findBlas(koffiWith({ a: openBlas() }), ['a'])).toEqual({
      path: 'a',
      title: 'OpenBLAS 0.3.30 SkylakeX',
      settings: [['openblas_set_num_threads', 'int', 1]],
      isConcurrent: true,
    });
  });

  test('OpenBLAS without threads, by one thread only', () => {
    const serial = openBlas({ openblas_get_parallel: () => 0 });
    expect(findBlas(koffiWith({ a: serial }), ['a']).isConcurrent).toBe(false);
  });

  test('MKL, sequential and with 32-bit integers', () => {
    const calls: unknown[] = [];
    const found = findBlas(koffiWith({ a: mkl(0, calls) }), ['a']);
    expect(found).toMatchObject({ title: 'MKL 2024.2-Product', isConcurrent: true });
    expect(calls).toEqual([
      ['threading', 1],
      ['interface', 0],
    ]);
  });

  test('BLIS', () => {
    const settings = [['bli_thread_set_num_threads', 'int64', 1]];
    expect(findBlas(koffiWith({ a: blis(32) }), ['a'])).toMatchObject({ title: 'BLIS 2.0 zen4', settings });
  });

  test.each([
    [{}, []],
    [{ BLASSetThreading: () => {} }, [['BLASSetThreading', 'int', 1]]],
  ] as const)('Accelerate, on a macOS that has %j', (extra, settings) => {
    const accelerate = { vDSP_vadd: () => {}, cblas_sgemm: () => {}, ...extra };
    expect(findBlas(koffiWith({ a: accelerate }), ['a'])).toMatchObject({ title: 'Accelerate', settings });
  });

  test('the first one that can be', () => {
    const koffi = koffiWith({ b: reference, c: openBlas(), d: blis(32) });
    expect(findBlas(koffi, ['a', 'b', 'c', 'd']).path).toBe('c');
  });
});

describe('a library is refused', () => {
  const wide = 'a is a build with 64-bit integers (ILP64); a build with 32-bit integers (LP64) is needed';
  test.each<[string, Functions, string]>([
    ['the reference BLAS', reference, 'a is the reference BLAS or another one that is not optimized'],
    ['OpenBLAS with 64-bit integers', openBlas({ openblas_get_config: () => 'OpenBLAS 0.3.30 USE64BITINT' }), wide],
    ['OpenBLAS with names for them', { openblas_get_config64_: () => '', cblas_sgemm64_: () => {} }, wide],
    ['MKL with 64-bit integers', mkl(1), wide],
    ['BLIS with 64-bit integers', blis(64), wide],
    ['OpenBLAS without products', { ...openBlas(), cblas_sgemm: undefined as never }, 'a has no function cblas_sgemm'],
    ['another library', { MPI_Init: () => {} }, 'a is not a BLAS'],
    ['a library that fails', openBlas({ openblas_get_corename: undefined as never }), 'a cannot be examined (Cannot'],
  ])('%s', (_, functions, reason) => {
    const error = thrown(() => findBlas(koffiWith({ a: functions }), ['a']));
    expect(problemOf(error, 'INVALID_SETTING').problem).toContain(`needs a native BLAS: ${reason}`);
    expect(error.message).toContain('apt-get install libopenblas0');
  });

  test('a path that is not a library', () => {
    const error = thrown(() => findBlas(koffiWith({}), ['a']));
    expect(error.message).toContain('needs a native BLAS: a cannot be loaded.');
  });

  test('all of several, each with its reason', () => {
    expect(thrown(() => findBlas(koffiWith({}), ['a', 'b'])).message).toContain('native BLAS: none was found.');
    const koffi = koffiWith({ b: reference, c: blis(64) });
    expect(thrown(() => findBlas(koffi, ['a', 'b', 'c'])).message).toMatch(/b is the reference BLAS.+; c is a build/);
  });

  test('the reference BLAS of this machine, if it has one', () => {
    const REFERENCE = '/usr/lib/x86_64-linux-gnu/blas/libblas.so.3';
    const koffi = createRequire(__filename)('koffi') as Koffi;
    const error = thrown(() => findBlas(koffi, [REFERENCE]));
    expect(error.message).toMatch(/libblas\.so\.3 (is the reference BLAS|cannot be loaded)/);
  });
});

describe('libraries are looked for', () => {
  test('at the path in UNSPOOL_BLAS alone', () => {
    expect(libraryPaths('linux', { UNSPOOL_BLAS: '/opt/blas.so', CONDA_PREFIX: '/conda' })).toEqual(['/opt/blas.so']);
  });

  test('in the environment of conda first, then by their names, and last by the name of any BLAS', () => {
    const paths = libraryPaths('linux', { CONDA_PREFIX: '/conda' });
    expect(paths.slice(0, 2)).toEqual(['/conda/lib/libmkl_rt.so.2', '/conda/lib/libopenblas.so.0']);
    expect(paths).toContain('libopenblas.so.0');
    expect(paths.at(-1)).toBe('libblas.so.3');
    expect(libraryPaths('freebsd', {})).toEqual(libraryPaths('linux', {}));
    expect(libraryPaths('darwin', {})[0]).toContain('Accelerate');
    expect(libraryPaths('win32', {}).every((path) => path.endsWith('.dll'))).toBe(true);
  });
});
