/**
 * Ranks that MPI started: processes on one machine or many. The calls go to the system's MPI library through koffi. They run on
 * threads of Node's pool, one at a time, so that the event loop stays free for signals and timers.
 */
import { requireInteger, requireOptions, shown } from '../checks.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import {
  type Communicator,
  type Exchangeable,
  type Reduction,
  rankLost,
  requireBlocks,
  requireExchangeable,
  requireReduce,
  requireTimes,
} from './communicator.js';
import { type MpiLibrary, openLibrary } from './mpi-library.js';
import { LATE, type RankOptions, timeoutOf } from './threads.js';

/** Options of `mpiRank`. */
export interface MpiOptions extends RankOptions {
  /** The path of the MPI library. Default: the library of the program that started this process, in the usual places. */
  readonly library?: string;
}

/** The one communicator of this process: MPI can be started once. */
let current: MpiCommunicator | null = null;

/**
 * The communicator of this process, which `mpirun`, `mpiexec` or `srun` started. It needs the package `koffi` and Open MPI or MPICH. A
 * process that none of them started is the only rank. Throws `INVALID_SETTING` with what to install. `close()` ends MPI in this
 * process.
 */
export async function mpiRank(options: MpiOptions = {}): Promise<Communicator> {
  requireOptions('options', options, ['timeout', 'library']);
  const { library, ...others } = options;
  if (library !== undefined && typeof library !== 'string')
    throw invalidSetting('options.library', `must be a path, got ${shown(library)}.`);
  const timeout = timeoutOf(others);
  if (current) {
    throw invalidSetting(
      'mpiRank',
      'has been called before.',
      'Use the communicator that it returned: MPI starts once.',
    );
  }
  const mpi = await openLibrary(library);
  current = new MpiCommunicator(mpi, timeout);
  return current;
}

class MpiCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  private readonly mpi: MpiLibrary;
  private readonly timeout: number;
  /** The last call, which the next one waits for. */
  private last: Promise<unknown> = Promise.resolve();
  /** Whether a call was not answered, so that MPI cannot be ended in an orderly way. */
  private isStuck = false;
  private isClosed = false;

  constructor(mpi: MpiLibrary, timeout: number) {
    this.mpi = mpi;
    this.timeout = timeout;
    this.rank = mpi.rank;
    this.size = mpi.size;
  }

  async broadcast(data: Exchangeable, root = 0): Promise<void> {
    requireExchangeable('data', data);
    requireInteger('root', root, 0, this.size - 1);
    const { mpi } = this;
    await this.call('broadcast', 'MPI_Bcast', [data, data.length, mpi.typeOf(data), root, mpi.world]);
  }

  async allReduce(data: Exchangeable, reduction: Reduction): Promise<void> {
    requireReduce(data, reduction);
    const { mpi } = this;
    const own = data.slice();
    const operation = mpi.operations[reduction];
    await this.call('allReduce', 'MPI_Allreduce', [own, data, data.length, mpi.typeOf(data), operation, mpi.world]);
  }

  async allGather(part: Exchangeable, all: Exchangeable): Promise<void> {
    requireExchangeable('part', part);
    requireTimes('all', all, part, this.size);
    const { mpi } = this;
    const type = mpi.typeOf(part);
    await this.call('allGather', 'MPI_Allgather', [part, part.length, type, all, part.length, type, mpi.world]);
  }

  async allToAll(sent: Exchangeable, received: Exchangeable): Promise<void> {
    requireBlocks(sent, this.size);
    requireTimes('received', received, sent, 1);
    const { mpi } = this;
    const [type, count] = [mpi.typeOf(sent), sent.length / this.size];
    await this.call('allToAll', 'MPI_Alltoall', [sent, count, type, received, count, type, mpi.world]);
  }

  async barrier(): Promise<void> {
    await this.call('barrier', 'MPI_Barrier', [this.mpi.world]);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    const isLast = this.barrier().catch(() => {}); // so that ending MPI, on this thread, does not wait for other ranks
    this.isClosed = true;
    await isLast;
    if (this.isStuck)
      this.mpi.abort(); // ends all ranks: the others wait for a call that will not come
    else this.mpi.finalize();
  }

  /** Makes a call after the one before it. Throws `RANK_LOST` if it is not answered in time. */
  private async call(what: string, name: string, args: readonly unknown[]): Promise<void> {
    if (this.isClosed) throw new UnspoolError({ code: 'DISPOSED', what: 'The communicator', after: 'close()' });
    if (this.isStuck) throw this.late(what);
    const result = this.last.then(() => this.mpi.call(name, args));
    this.last = result.catch(() => {});
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeIsUp = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.isStuck = true;
        reject(this.late(what));
      }, this.timeout);
    });
    try {
      await Promise.race([result, timeIsUp]);
    } finally {
      clearTimeout(timer);
    }
  }

  private late(what: string): UnspoolError {
    const seconds = this.timeout / 1000;
    return rankLost(`rank ${this.rank} has waited ${seconds} s for the other ranks in ${what}().`, LATE);
  }
}
