/** Finds a native BLAS, and refuses those that would compute wrong numbers or are slower than WebAssembly. */
import { invalidSetting, type UnspoolError } from '../../errors.js';
import type { Koffi, Library } from '../../native/koffi.js';

/** A call that each thread makes before its first product: a function, the type of its argument, and the argument. */
export type Setting = readonly [name: string, type: string, value: number];

/** A library that computes products. */
export interface BlasLibrary {
  readonly path: string;
  /** Its name, version and kernels, such as `OpenBLAS 0.3.21 Zen`. */
  readonly title: string;
  /** What limits the library to the calling thread. */
  readonly settings: readonly Setting[];
  /** Whether several threads may call it at the same time. */
  readonly isConcurrent: boolean;
}

/** What a library says about itself. */
interface Description {
  readonly version: string;
  /** Whether its integers have 64 bits (ILP64). Calls pass integers of 32 bits. */
  readonly isWide: boolean;
  readonly settings: readonly Setting[];
  readonly isConcurrent: boolean;
}

interface Family {
  readonly name: string;
  /** A function that only this library has. */
  readonly sign: string;
  describe(library: Library): Description;
}

const text = (library: Library, name: string): string => String(library.func(name, 'str', [])());
const integer = (library: Library, name: string, type = 'int'): number => Number(library.func(name, type, [])());

function has(library: Library, name: string): boolean {
  try {
    library.symbol(name, 'char');
    return true;
  } catch {
    return false;
  }
}

const FAMILIES: readonly Family[] = [
  {
    name: 'OpenBLAS',
    sign: 'openblas_get_config',
    describe(library) {
      const config = text(library, 'openblas_get_config');
      return {
        version: `${/OpenBLAS (\S+)/.exec(config)?.[1] ?? ''} ${text(library, 'openblas_get_corename')}`.trim(),
        isWide: config.includes('USE64BITINT'),
        settings: [['openblas_set_num_threads', 'int', 1]],
        isConcurrent: integer(library, 'openblas_get_parallel') !== 0,
      };
    },
  },
  {
    name: 'MKL',
    sign: 'MKL_Set_Interface_Layer',
    describe(library) {
      const set = (name: string, value: number): number => Number(library.func(name, 'int', ['int'])(value));
      set('MKL_Set_Threading_Layer', 1); // sequential
      const layer = set('MKL_Set_Interface_Layer', 0); // 32-bit integers, unless MKL_INTERFACE_LAYER says otherwise
      const line = new Uint8Array(200);
      library.func('MKL_Get_Version_String', 'void', ['void *', 'int'])(line, line.length);
      const version = /Version (\S+)/.exec(String.fromCharCode(...line))?.[1] ?? '';
      return {
        version,
        isWide: layer % 2 === 1,
        settings: [['MKL_Set_Threading_Layer', 'int', 1]],
        isConcurrent: true,
      };
    },
  },
  {
    name: 'BLIS',
    sign: 'bli_info_get_version_str',
    describe(library) {
      const kernels = library.func('bli_arch_string', 'str', ['int'])(integer(library, 'bli_arch_query_id'));
      return {
        version: `${text(library, 'bli_info_get_version_str')} ${kernels}`,
        isWide: integer(library, 'bli_info_get_blas_int_type_size', 'int64') !== 32,
        settings: [['bli_thread_set_num_threads', 'int64', 1]],
        isConcurrent: true,
      };
    },
  },
  {
    name: 'Accelerate',
    sign: 'vDSP_vadd',
    describe: (library) => ({
      version: '',
      isWide: false,
      settings: has(library, 'BLASSetThreading') ? [['BLASSetThreading', 'int', 1]] : [],
      isConcurrent: true,
    }),
  },
];

/** The function for products, and its parameters, of which three are addresses. */
export const SGEMM = {
  name: 'cblas_sgemm',
  parameters: [
    ...['int', 'int', 'int', 'int', 'int', 'int', 'float'],
    ...['uintptr_t', 'int', 'uintptr_t', 'int', 'float', 'uintptr_t', 'int'],
  ],
} as const;

/** What to install, for error messages. */
const INSTALL =
  'Install koffi (npm install koffi) and a BLAS (Debian: apt-get install libopenblas0; conda: conda install openblas; macOS has Accelerate), ' +
  'or set UNSPOOL_BLAS to the path of OpenBLAS, MKL, BLIS or Accelerate. The backend wasm needs neither.';

/** An error about the backend. */
export const cannot = (problem: string, help = INSTALL): UnspoolError => invalidSetting('backend blas', problem, help);

const NAMES: Readonly<Record<string, readonly string[]>> = {
  darwin: [
    '/System/Library/Frameworks/Accelerate.framework/Accelerate',
    '/opt/homebrew/opt/openblas/lib/libopenblas.dylib',
    '/usr/local/opt/openblas/lib/libopenblas.dylib',
  ],
  win32: ['libopenblas.dll', 'openblas.dll', 'mkl_rt.2.dll', 'mkl_rt.1.dll'],
  linux: [
    ...['libopenblas.so.0', 'libopenblasp.so.0', 'libopenblas.so', 'libmkl_rt.so.2', 'libmkl_rt.so.1', 'libblis.so.4'],
    ...['libblis-mt.so.4', 'libcblas.so.3', 'libblas.so.3'], // the last two can be any BLAS
  ],
};
const IN_CONDA: Readonly<Record<string, readonly string[]>> = {
  darwin: ['lib/libopenblas.dylib'],
  win32: ['Library/bin/mkl_rt.2.dll', 'Library/bin/openblas.dll'],
  linux: ['lib/libmkl_rt.so.2', 'lib/libopenblas.so.0'],
};

/** Where a BLAS can be, in the order in which the places are tried. */
export function libraryPaths(platform: string, env: Readonly<Record<string, string | undefined>>): readonly string[] {
  if (env.UNSPOOL_BLAS) return [env.UNSPOOL_BLAS];
  const conda = env.CONDA_PREFIX;
  const inConda = conda ? (IN_CONDA[platform] ?? IN_CONDA.linux!).map((file) => `${conda}/${file}`) : [];
  return [...inConda, ...(NAMES[platform] ?? NAMES.linux!)];
}

const WIDE = 'is a build with 64-bit integers (ILP64); a build with 32-bit integers (LP64) is needed';

/** The library, or why it cannot be used, as what follows its path in a sentence. */
function examined(library: Library, path: string): BlasLibrary | string {
  const family = FAMILIES.find(({ sign }) => has(library, sign));
  if (!family) {
    if (has(library, 'cblas_sgemm64_') || has(library, 'openblas_get_config64_')) return WIDE;
    const isBlas = has(library, SGEMM.name) || has(library, 'sgemm_');
    return isBlas
      ? 'is the reference BLAS or another one that is not optimized, which is slower than wasm'
      : 'is not a BLAS';
  }
  const { version, isWide, settings, isConcurrent } = family.describe(library);
  if (isWide) return WIDE;
  const missing = [SGEMM.name, ...settings.map(([name]) => name)].find((name) => !has(library, name));
  if (missing) return `has no function ${missing}`;
  return { path, title: `${family.name} ${version}`.trim(), settings, isConcurrent };
}

/** The first of the libraries that can be used. Throws `INVALID_SETTING` with why the others cannot. */
export function findBlas(koffi: Koffi, paths: readonly string[]): BlasLibrary {
  const reasons: string[] = [];
  for (const path of paths) {
    let library: Library;
    try {
      library = koffi.load(path);
    } catch {
      if (paths.length === 1) reasons.push(`${path} cannot be loaded`);
      continue;
    }
    let found: BlasLibrary | string;
    try {
      found = examined(library, path);
    } catch (error) {
      found = `cannot be examined (${(error as Error).message})`;
    }
    if (typeof found !== 'string') return found;
    reasons.push(`${path} ${found}`);
  }
  throw cannot(`needs a native BLAS: ${reasons.length > 0 ? reasons.join('; ') : 'none was found'}.`);
}
