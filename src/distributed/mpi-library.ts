/**
 * The MPI library of this system. Open MPI's handles are addresses of its variables; those of MPICH, and of the libraries with its binary
 * interface (Intel MPI, MVAPICH, Cray MPICH), are numbers, which its mpi.h defines. MPI 5 has one binary interface for all libraries
 * (libmpi_abi), whose handles are pointers with fixed values (MPI 5.0, chapter 20).
 */
import { invalidSetting, type UnspoolError } from '../errors.js';
import { findKoffi, type Koffi, keepLoaded, type Library, loadKoffi } from '../native/koffi.js';
import type { Exchangeable, Reduction } from './communicator.js';
import { starterOf } from './starter.js';

/** An open MPI library in which this process is a rank. */
export interface MpiLibrary {
  readonly rank: number;
  readonly size: number;
  readonly world: unknown;
  readonly operations: Readonly<Record<Reduction, unknown>>;
  /** The handle of the type of an array's elements. */
  typeOf(data: Exchangeable): unknown;
  /** Calls a function on another thread. Throws `RANK_LOST` for an error of MPI. */
  call(name: string, args: readonly unknown[]): Promise<void>;
  /** Ends MPI in this process, on the thread that started it, as MPI requires. All ranks call it, when no other call is running. */
  finalize(): void;
  /** Ends all ranks. */
  abort(): void;
}

const INSTALL = `Install both:
  npm install koffi
  Debian, Ubuntu:  apt install openmpi-bin
  macOS:           brew install open-mpi
  a cluster:       module load openmpi   (module avail mpi lists the names)
and start the ranks with mpirun, mpiexec or srun --mpi=pmix.`;

/** Where the libraries are, in the order in which they are tried. */
const OPEN_MPI = ['libmpi.so.40', '/opt/homebrew/lib/libmpi.40.dylib', '/usr/local/lib/libmpi.40.dylib'];
const MPICH = ['libmpich.so.12', 'libmpi.so.12', '/opt/homebrew/lib/libmpi.12.dylib', '/usr/local/lib/libmpi.12.dylib'];

const ABI = ['libmpi_abi.so.0', '/opt/homebrew/lib/libmpi_abi.dylib', '/usr/local/lib/libmpi_abi.dylib'];

const ABI_HANDLES = {
  world: 0x101,
  types: { Float32Array: 0x210, Float64Array: 0x214, Int32Array: 0x209, Uint8Array: 0x245 },
  operations: { sum: 0x21, min: 0x22, max: 0x23 },
};

const MPICH_HANDLES = {
  world: 0x44000000,
  types: { Float32Array: 0x4c00040a, Float64Array: 0x4c00080b, Int32Array: 0x4c000405, Uint8Array: 0x4c000102 },
  operations: { sum: 0x58000003, min: 0x58000002, max: 0x58000001 },
};

const openMpiHandles = (library: Library) => {
  const handle = (name: string): unknown => library.symbol(`ompi_mpi_${name}`, 'char');
  return {
    world: handle('comm_world'),
    types: {
      Float32Array: handle('float'),
      Float64Array: handle('double'),
      Int32Array: handle('int'),
      Uint8Array: handle('unsigned_char'),
    },
    operations: { sum: handle('op_sum'), min: handle('op_min'), max: handle('op_max') },
  };
};

/** The parameters of each function, where H is the type of a handle. */
const signatures = (H: string): Readonly<Record<string, readonly string[]>> => ({
  MPI_Init_thread: ['void *', 'void *', 'int', 'void *'],
  MPI_Comm_rank: [H, 'void *'],
  MPI_Comm_size: [H, 'void *'],
  MPI_Bcast: ['void *', 'int', H, 'int', H],
  MPI_Allreduce: ['void *', 'void *', 'int', H, H, H],
  MPI_Allgather: ['void *', 'int', H, 'void *', 'int', H, H],
  MPI_Alltoall: ['void *', 'int', H, 'void *', 'int', H, H],
  MPI_Barrier: [H],
  MPI_Finalize: [],
  MPI_Abort: [H, 'int'],
});

/** Any thread may call MPI, one at a time. */
const SERIALIZED = 2;

const cannot = (problem: string, help = INSTALL): UnspoolError => invalidSetting('MPI', problem, help);

function openKoffi(): Koffi {
  const path = findKoffi();
  if (!path) throw cannot('cannot be used: the package koffi is not installed.');
  const { koffi, hasStack } = loadKoffi(path);
  if (hasStack) return koffi;
  const problem = 'needs a larger stack than koffi has for calls of libraries that were loaded before.';
  throw cannot(problem, 'Call mpiRank() before anything else uses koffi.');
}

/**
 * Keeps UCX, which many MPI libraries use, from replacing functions of the C library in this process. Its `sbrk` (seen in 1.13) reports
 * success when the heap cannot grow because V8's code follows it. malloc then hands out memory that is not there.
 */
function keepMemoryFunctions(): void {
  const { env } = globalThis.process;
  env.UCX_MEM_EVENTS ??= 'n';
}

/** Opens the library at `path`, or the one that fits the starter of this process, and starts MPI. Throws `INVALID_SETTING`. */
export async function openLibrary(path: string | undefined): Promise<MpiLibrary> {
  const koffi = openKoffi();
  keepMemoryFunctions();
  const started = starterOf(globalThis.process?.env ?? {});
  const usual = started && !started.isOpenMpi ? [...MPICH, ...ABI, ...OPEN_MPI] : [...OPEN_MPI, ...ABI, ...MPICH];
  const mpi = start(...firstOf(koffi, path === undefined ? usual : [path]));
  if (started && started.size !== mpi.size) {
    mpi.finalize();
    const problem = `is of another kind than the program that started this process: it sees ${mpi.size} of ${started.size} ranks.`;
    throw cannot(problem, 'Start the ranks with the mpirun of that library, or pass the path of the other library.');
  }
  return mpi;
}

function firstOf(koffi: Koffi, paths: readonly string[]): [library: Library, path: string] {
  for (const path of paths) {
    try {
      const library = koffi.load(path);
      keepLoaded(koffi, path); // Open MPI leaves data in the threads that called it, and cleans up when they end
      return [library, path];
    } catch {
      // The next one may be there.
    }
  }
  const problem =
    paths.length === 1 ? `cannot be used: ${paths[0]} is not a library.` : 'cannot be used: no MPI library was found.';
  throw cannot(problem);
}

/** The handles of a library, and their type. Only its name shows the interface of MPI 5: a library may have its own one as well. */
function handlesOf(library: Library, path: string) {
  if (/libmpi_abi[^/]*$/.test(path)) return { handles: ABI_HANDLES, type: 'intptr_t' };
  try {
    return { handles: openMpiHandles(library), type: 'void *' };
  } catch {
    return { handles: MPICH_HANDLES, type: 'int' };
  }
}

function functionsOf(library: Library, type: string) {
  const all = Object.entries(signatures(type));
  try {
    return Object.fromEntries(all.map(([name, parameters]) => [name, library.func(name, 'int', parameters)]));
  } catch {
    throw cannot('cannot be used: the library has no functions of MPI.');
  }
}

/** Starts MPI in this process, with the library that was loaded from `path`. Throws `INVALID_SETTING`. */
export function start(library: Pick<Library, 'func' | 'symbol'>, path: string): MpiLibrary {
  const { handles, type } = handlesOf(library, path);
  const byName = functionsOf(library, type);
  const { world, types, operations } = handles;
  const read = (name: string, ...args: unknown[]): number => {
    const out = new Int32Array(1);
    const code = byName[name]!(...args, out) as number;
    if (code !== 0) throw cannot(`did not start: ${name} failed with code ${code}.`);
    return out[0]!;
  };
  if (read('MPI_Init_thread', null, null, SERIALIZED) < SERIALIZED) {
    throw cannot('does not let several threads call it.', 'Use a build of the library with MPI_THREAD_SERIALIZED.');
  }
  return {
    ...{ world, operations },
    rank: read('MPI_Comm_rank', world),
    size: read('MPI_Comm_size', world),
    typeOf: (data) => types[data[Symbol.toStringTag] as keyof typeof types],
    call: (name, args) =>
      new Promise((resolve, reject) => {
        byName[name]!.async(...args, (error: unknown, code: number) => {
          if (error) reject(error);
          else if (code === 0) resolve();
          else reject(cannot(`failed: ${name} returned code ${code}.`, 'The output of mpirun may say more.'));
        });
      }),
    finalize: () => void byName.MPI_Finalize!(),
    abort: () => void byName.MPI_Abort!(world, 1),
  };
}
