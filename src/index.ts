export type {
  AdamOptions,
  BackendMemory,
  CrossEntropyOptions,
  FloatArray,
  GemmOptions,
  Kernels,
  LstmStep,
  LstmStepGrad,
  Matrix,
  MemoryRules,
  PackedMatrix,
  Precision,
  SgdOptions,
} from './contract/kernels.js';
export { type Beam, type BeamSearchOptions, beamSearch } from './core/beam-search.js';
export type { TapeOptions } from './core/build.js';
export { generate, type SamplingOptions, type StreamingModel, sampleToken } from './core/generate.js';
export {
  type GradcheckElement,
  type GradcheckOptions,
  type GradcheckReport,
  type GradcheckTensor,
  gradcheck,
  randomBatch,
} from './core/gradcheck.js';
export type { Initializer, InitializerFunction } from './core/init.js';
export type { AnyLayerTape } from './core/layers/registry.js';
export type { LossTape } from './core/loss-tape.js';
export type { LossChoice, LossSpec } from './core/losses.js';
export type { LstmState } from './core/lstm/blocks.js';
export type { ActivationSpec, CellSpec } from './core/lstm/spec.js';
export type { Gates, LstmStepGradView, LstmStepView } from './core/lstm/step-view.js';
export type { LstmTape } from './core/lstm/tape.js';
export { Arena, type ParameterEntry, ParameterLayout } from './core/memory/parameters.js';
export type { NdArray } from './core/memory/views.js';
export type { Batch, EvaluateOptions, GradientPass, Model, PassOptions } from './core/model.js';
export type { Noise } from './core/noise.js';
export type { PassShape } from './core/pass.js';
export type { Prediction, PredictOptions } from './core/prediction.js';
export { createRng, type Rng, type RngState, restoreRng } from './core/rng.js';
export type {
  ActivitySpec,
  DropoutSpec,
  EmbeddingSpec,
  LayerSpec,
  LinearSpec,
  LstmSpec,
  ModelSpec,
  RepeatSpec,
} from './core/spec.js';
export type { FinalState, GivenState } from './core/start-state.js';
export type { Stream } from './core/stream.js';
export type { StartState, Tape, TapeInput } from './core/tape.js';
export { type CreateOptions, createModel, deserializeModel, estimateMemory, type LoadedModel } from './create.js';
export { generateText, type TextGenerationOptions } from './data/generate-text.js';
export { ngramBitsPerCharacter } from './data/ngram.js';
export type { BatchSource, SourceDescription } from './data/source.js';
export {
  type TextData,
  type TextStreamOptions,
  type TextStreams,
  textStreams,
  validationStreams,
} from './data/text.js';
export { Vocabulary } from './data/vocabulary.js';
export { type Problem, type ProblemCode, UnspoolError } from './errors.js';
export {
  type Metadata,
  type ModelFile,
  type ModelFileParts,
  parseModel,
  type SerializableModel,
  serializeModel,
} from './interop/model-file.js';
export {
  readSafetensors,
  type SafeTensor,
  type SafeTensorsFile,
  type TensorType,
  tensorValues,
} from './interop/safetensors.js';
export { type TensorData, writeSafetensors } from './interop/safetensors-write.js';
export {
  type Backend,
  type BackendChoice,
  type BackendOptions,
  describeBackend,
  selectKernels,
} from './kernels/select.js';
export {
  bitsPerCharacter,
  ClassificationMetrics,
  type ClassificationOptions,
  type ClassScores,
  type F1Average,
  perplexity,
} from './metrics/classification.js';
export { RegressionMetrics } from './metrics/regression.js';
export type { OptimizerChoice, ScheduleChoice } from './optim/choice.js';
export {
  type AdadeltaSettings,
  type AdagradSettings,
  adadelta,
  adagrad,
  amsgrad,
  createOptimizer,
  type GroupedSettings,
  grouped,
  type LambSettings,
  type LionSettings,
  lamb,
  lion,
  type NadamSettings,
  nadam,
  OPTIMIZERS,
  type OptimizerKind,
  type ParameterGroup,
  type RadamSettings,
  type RmspropSettings,
  radam,
  rmsprop,
} from './optim/public.js';
export {
  type AdamSettings,
  adam,
  adamW,
  type Optimizer,
  type OptimizerPass,
  OptimizerRun,
  type OptimizerSettings,
  type OptimizerSpec,
  type OptimizerState,
} from './optim/public-common.js';
export {
  chain,
  constant,
  cosine,
  cosineRestarts,
  cosineTo,
  createSchedule,
  exponential,
  linear,
  linearWarmup,
  oneCycle,
  reduceOnPlateau,
  SCHEDULES,
  type ScheduleName,
  type ScheduleSpec,
  scheduleSpec,
  stepDown,
} from './optim/public-schedules.js';
export { type SgdSettings, sgd } from './optim/public-sgd.js';
export type { Schedule, ScheduleFunction, ScheduleTime, WatchingSchedule } from './optim/schedule.js';
export type { Accumulation } from './train/accumulate.js';
export type { MemoryEstimate, MemoryOptions } from './train/estimate-memory.js';
export type { LearningRateCurve, LearningRateOptions, LearningRatePoint } from './train/find-learning-rate.js';
export { accumulate, evaluate, findLearningRate } from './train/public.js';
export { type TrainingSnapshot, TrainingSnapshots } from './train/snapshots.js';
export type { AverageSpec, EarlyStoppingSpec } from './train/specs.js';
export {
  type FitOptions,
  fit,
  type GradientFunction,
  type Training,
  type TrainingData,
  type TrainingEvent,
  type TrainingSettings,
  type TrainingState,
} from './train/trainer.js';
