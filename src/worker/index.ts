/** `unspool/worker`: training and prediction in a worker. */
export type { SourceMaker } from '../data/description.js';
export type { WorkerLike } from './channel.js';
export {
  createModelInWorker,
  deserializeModelInWorker,
  type LoadedWorkerModel,
  type WorkerEvaluateOptions,
  type WorkerModel,
  type WorkerOptions,
  type WorkerParameters,
  type WorkerPredictOptions,
} from './model.js';
export { type ServeOptions, serve } from './serve.js';
export type { WorkerStart, WorkerTape } from './states.js';
export type { WorkerStream } from './stream.js';
export type { WorkerFitOptions, WorkerTraining } from './training.js';
