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
  type WorkerStart,
  type WorkerStream,
  type WorkerTape,
} from './model.js';
export { type ServeOptions, serve } from './serve.js';
export type { WorkerFitOptions, WorkerTraining } from './training.js';
