/** The pipeline of any job: one object, which a model file holds as JSON. */
import { isObject } from '../checks.js';
import { type SequencePipeline, type SequencePipelineData, sequencePipelineFrom } from './sequences/pipeline.js';
import {
  type ForecastingPipeline,
  type PipelineData as ForecastingPipelineData,
  forecastingPipelineFrom,
} from './series/pipeline.js';

/** A fitted pipeline as JSON; `kind` is the job. */
export type PipelineData = ForecastingPipelineData | SequencePipelineData;

/** Restores the pipeline of any job from the result of `toJSON`. Throws `INVALID_DATA` for anything else. */
export function pipelineFrom(data: unknown): ForecastingPipeline | SequencePipeline {
  const isSequence = isObject(data) && (data.kind === 'classification' || data.kind === 'tagging');
  return isSequence ? sequencePipelineFrom(data) : forecastingPipelineFrom(data);
}
