/** What the page does, for a reader who sees it for the first time. */
import { session } from '../state.js';

export const Intro = () => (
  <section class="intro" aria-label="Introduction">
    <p>
      <b>This page trains a neural network and shows every number inside it.</b> The network is an LSTM: it reads a
      sequence step by step and remembers what it needs. Press <b>Play</b> and watch{' '}
      {session.value?.readsText ? 'the text that it writes improve' : 'its predictions approach the targets'}.
    </p>
    <p class="hint">
      Then look inside: <a href="#unroll">Unroll</a> follows one unit, <a href="#inspect">Inspect</a> shows all of them,
      and the <a href="#tour/1">Tour</a> explains how it learns.
    </p>
  </section>
);
