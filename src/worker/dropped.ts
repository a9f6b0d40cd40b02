/** Frees in the worker what the caller has dropped without `dispose()`. */
import type { Connection } from './connection.js';

interface Dropped {
  readonly connection: Connection;
  readonly operation: 'closeStream' | 'closeTraining';
  readonly id: number;
}

const dropped = new FinalizationRegistry<Dropped>(({ connection, operation, id }) => {
  connection.call(operation, id).catch(() => {}); // a worker that has ended has nothing to free
});

/** Calls `operation` after `object` has been collected. */
export const freeWhenDropped = (
  object: object,
  connection: Connection,
  operation: Dropped['operation'],
  id: number,
): void => dropped.register(object, { connection, operation, id });
