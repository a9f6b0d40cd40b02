/** How an LSTM is trained, in eleven chapters: text, a live figure and the library's code. The chapter is part of the URL. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { refreshTrace } from '../actions.js';
import { session, traced } from '../state.js';
import { Code } from '../ui/Code.js';
import { Tex } from '../ui/Tex.js';
import { CHAPTERS } from './chapters.js';
import { FIGURES } from './figures/index.js';
import { SNIPPETS } from './snippets.js';
import './tour.css';

const chapterOfHash = (): number => {
  const number = Number(location.hash.split('/')[1] ?? 1);
  return Number.isInteger(number) && number >= 1 && number <= CHAPTERS.length ? number - 1 : 0;
};

const chapter = signal(chapterOfHash());
window.addEventListener('hashchange', () => {
  if (location.hash.startsWith('#tour')) chapter.value = chapterOfHash();
});

const goTo = (index: number): void => {
  if (index >= 0 && index < CHAPTERS.length) location.hash = `#tour/${index + 1}`;
};

function onKeyDown(event: KeyboardEvent): void {
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  if (event.key === 'ArrowRight') goTo(chapter.value + 1);
  if (event.key === 'ArrowLeft') goTo(chapter.value - 1);
}

const Contents = ({ current }: { current: number }) => (
  <nav class="chapters" aria-label="Chapters">
    <ol>
      {CHAPTERS.map(({ title }, i) => (
        <li key={title}>
          <a href={`#tour/${i + 1}`} aria-current={i === current ? 'step' : undefined}>
            {title}
          </a>
        </li>
      ))}
    </ol>
  </nav>
);

/** Moves to the start of a chapter that was chosen, and of the first one. The page's `scroll-padding` leaves space for its header. */
function useChapterStart(index: number) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(index);
  useEffect(() => {
    document.querySelector('.chapters [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    if (shown.current === index) return;
    shown.current = index;
    heading.current!.focus({ preventScroll: true }); // so that the keyboard and a screen reader continue here
    heading.current!.scrollIntoView({ block: 'start' });
  }, [index]);
  return heading;
}

const Text = ({ index }: { index: number }) => (
  <div class="text">
    {CHAPTERS[index]!.text.map((paragraph) => (
      <p key={paragraph}>{paragraph}</p>
    ))}
    {CHAPTERS[index]!.equations.map((equation) => (
      <p key={equation} class="equation">
        <Tex>{equation}</Tex>
      </p>
    ))}
  </div>
);

const Program = ({ index }: { index: number }) => (
  <>
    <h3>Code</h3>
    <Code>{SNIPPETS[index]!}</Code>
    <p class="controls">
      <button type="button" onClick={() => void navigator.clipboard?.writeText(SNIPPETS[index]!)}>
        Copy
      </button>
      <button type="button" disabled={index === 0} onClick={() => goTo(index - 1)}>
        ← {CHAPTERS[index - 1]?.title ?? 'Back'}
      </button>
      <button type="button" class="main" disabled={index === CHAPTERS.length - 1} onClick={() => goTo(index + 1)}>
        {CHAPTERS[index + 1]?.title ?? 'The end'} →
      </button>
    </p>
  </>
);

export default function Tour() {
  const index = chapter.value;
  const { title, link } = CHAPTERS[index]!;
  const { Figure, model } = FIGURES[index]!;
  const heading = useChapterStart(index);
  const isReady = model === 'own' || (session.value !== null && traced.value !== null);
  useEffect(() => {
    if (session.peek() && !traced.peek()) void refreshTrace();
  }, [session.value]);
  useEffect(() => {
    addEventListener('keydown', onKeyDown);
    return () => removeEventListener('keydown', onKeyDown);
  }, []);
  return (
    <div class="tour">
      <Contents current={index} />
      <article>
        <h2 ref={heading} tabIndex={-1}>
          {index + 1}. {title}
        </h2>
        <Text index={index} />
        <section aria-label="Live figure" class="live">
          {isReady ? <Figure key={title} /> : <p class="waiting">Setting up the model…</p>}
        </section>
        <p class="hint">
          {model === 'own' ? 'This figure has its own data.' : 'This figure shows the current model.'} See more in{' '}
          <a href={link.hash}>{link.title}</a>.
        </p>
        <Program index={index} />
      </article>
    </div>
  );
}
