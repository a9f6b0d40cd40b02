/** `unspool/tasks`: from a table to a trained and tested model, in a few lines. Works in a page, too. */

export type { NgramBaseline } from '../data/ngram.js';
export { type PipelineData, pipelineFrom } from '../data/pipeline.js';
export type {
  Balance,
  ClassificationOptions,
  LabelTask,
  SequenceOptions,
  SequenceSettings,
  TaggingOptions,
  Unit,
} from '../data/sequences/options.js';
export type { SequencePipeline, SequencePipelineData } from '../data/sequences/pipeline.js';
export type { Sample } from '../data/sequences/read.js';
export type { BatchRules, EncodedSample, SequenceSource } from '../data/sequences/source.js';
export { CALENDAR, type CalendarName } from '../data/series/calendar.js';
export type { Frequency } from '../data/series/frequency.js';
export type { ForecastingOptions, ForecastingSettings, ScaleKind } from '../data/series/options.js';
export type { ForecastingPipeline } from '../data/series/pipeline.js';
export type { Gap, MissingPolicy, Series } from '../data/series/series.js';
export type { Window, WindowSource } from '../data/series/windows.js';
export { type ClassFile, parseClassFiles } from '../data/table/class-files.js';
export { type CsvOptions, parseCsv } from '../data/table/csv.js';
export { parseJsonLines } from '../data/table/json-lines.js';
export { parseNpy } from '../data/table/npy.js';
export { type Cell, type ColumnSummary, Table, type TableParts } from '../data/table/table.js';
export type { CalibrationBin, CalibrationReport } from '../metrics/calibration.js';
export { type AnomalyOptions, anomalies, type ScoredRow } from './anomalies.js';
export {
  type BacktestOptions,
  type BacktestReport,
  backtest,
  type HorizonErrors,
  type MethodErrors,
} from './backtest.js';
export {
  type Forecaster,
  type ForecasterParts,
  type ForecastOptions,
  type ForecastRow,
  forecasterFrom,
} from './forecaster.js';
export {
  type DataDescription,
  type ForecasterSizes,
  type ForecastingData,
  forecasting,
  type PartDescription,
} from './forecasting.js';
export { type KFoldsOptions, kFolds } from './k-folds.js';
export {
  type Classifier,
  classifierFrom,
  type Labeler,
  type LabelerInputs,
  type LabelerParts,
  type PredictedClass,
  type PredictedTags,
  type Tagger,
  taggerFrom,
} from './labeler.js';
export {
  type ClassDescription,
  classification,
  type LabeledData,
  type LabeledDescription,
  type LabelerSizes,
  tagging,
} from './sequences.js';
export {
  type LabelMethod,
  type LabelReport,
  type LabelScores,
  type TestLabelerOptions,
  testLabeler,
} from './test-labeler.js';
export {
  type LanguageModelReport,
  type TestLanguageModelOptions,
  testLanguageModel,
} from './test-language-model.js';
export { ensemble, type TrainForecasterOptions, trainForecaster } from './train-forecaster.js';
export { labelerEnsemble, type TrainLabelerOptions, trainClassifier, trainTagger } from './train-labeler.js';
export type { TrainTaskOptions } from './train-models.js';
export { type WalkForwardOptions, walkForward } from './walk-forward.js';
