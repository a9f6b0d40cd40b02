/** A whole pass: all gates and states over time, how the gradient flows back, and how estimators compare with it. */
import { useEffect } from 'preact/hooks';
import { refreshTrace } from '../actions.js';
import { traced, tracedLayer } from '../state.js';
import { PositionControls } from '../ui/PositionControls.js';
import { ColoredSequence } from './ColoredSequence.js';
import { Estimators } from './Estimators.js';
import { GradientByLag } from './GradientByLag.js';
import { HeatMaps } from './HeatMaps.js';
import { Saturation } from './Saturation.js';
import { Weights } from './Weights.js';
import './inspect.css';

export default function Inspect() {
  useEffect(() => {
    if (!traced.peek()) void refreshTrace();
  }, []);
  if (!traced.value || !tracedLayer.value) return <p class="waiting">Running the model…</p>;
  return (
    <>
      <PositionControls />
      <ColoredSequence />
      <HeatMaps />
      <div class="pair">
        <GradientByLag />
        <Saturation />
      </div>
      <div class="pair">
        <Estimators />
        <Weights />
      </div>
    </>
  );
}
