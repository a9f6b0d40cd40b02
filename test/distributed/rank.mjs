/** One rank of the tests with MPI: makes every call on every type of array, and says what it got. */
import koffi from 'koffi';
import { mpiRank } from '../../dist/distributed/index.js';

koffi.config({ async_stack_size: 1 << 22 }); // as mpiRank does: afterwards it cannot
/** The code of a function of the C library, which a network library may replace. */
const codeOfSbrk = () => koffi.decode(koffi.load(null).symbol('sbrk', 'uint8_t'), koffi.array('uint8_t', 16)).join();
const before = codeOfSbrk();
const communicator = await mpiRank({ timeout: 30 });
const { rank, size } = communicator;
const results = [];
for (const Numbers of [Float32Array, Float64Array, Int32Array, Uint8Array]) {
  const all = new Numbers(2 * size);
  await communicator.allGather(Numbers.of(rank, 7), all);
  const data = Numbers.of(rank + 1, rank + 2);
  await communicator.broadcast(data, size - 1);
  const received = new Numbers(size);
  await communicator.allToAll(
    Numbers.from({ length: size }, (_, i) => 10 * rank + i),
    received,
  );
  const reduced = [];
  for (const reduction of ['sum', 'min', 'max']) {
    const numbers = Numbers.of(rank + 1);
    await communicator.allReduce(numbers, reduction);
    reduced.push(numbers[0]);
  }
  results.push({ all: [...all], data: [...data], received: [...received], reduced });
}
// A rank that waits in a call still serves its timers, and so its signals.
let ticks = 0;
const timer = setInterval(() => ticks++, 5);
if (rank === 0) await new Promise((done) => setTimeout(done, 200));
await communicator.barrier();
clearInterval(timer);
process.stdout.write(
  `${JSON.stringify({ rank, size, results, hasTicked: ticks > 3, isSbrkKept: codeOfSbrk() === before })}\n`,
);
await communicator.close();
