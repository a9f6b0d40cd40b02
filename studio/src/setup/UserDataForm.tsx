/** Loads the user's own text or table: pasted, dropped, or chosen. */
import { useEffect, useState } from 'preact/hooks';
import { useUserData } from '../actions.js';
import { problem, settings, userData } from '../state.js';
import { parseFile, parseText } from './parse.js';

async function load(parse: () => ReturnType<typeof parseFile>): Promise<void> {
  try {
    await useUserData(await parse());
  } catch (error) {
    problem.value = error instanceof Error ? error.message : String(error);
  }
}

const DRAG_EVENTS = ['dragover', 'dragleave', 'drop'] as const;

/** Accepts files anywhere on the page, so that the browser never navigates to a dropped file. Returns whether one is dragged. */
function useFileDrop(): boolean {
  const [isDragging, setDragging] = useState(false);
  useEffect(() => {
    const onDrag = (event: DragEvent): void => {
      event.preventDefault();
      setDragging(event.type === 'dragover');
      const file = event.type === 'drop' ? event.dataTransfer?.files[0] : undefined;
      if (file && !file.name.endsWith('.safetensors')) void load(() => parseFile(file));
    };
    for (const kind of DRAG_EVENTS) addEventListener(kind, onDrag);
    return () => {
      for (const kind of DRAG_EVENTS) removeEventListener(kind, onDrag);
    };
  }, []);
  return isDragging;
}

export function UserDataForm() {
  const isDragging = useFileDrop();
  const [pasted, setPasted] = useState('');
  const isNeeded = settings.value.preset === 'own' && userData.value === null; // a link to own data, which it does not have
  return (
    <details class={`own ${isDragging ? 'over' : ''}`} open={isDragging || isNeeded || undefined}>
      <summary>Use your own text or table</summary>
      <p>
        Drop a file on this page, or{' '}
        <label class="link">
          choose a file
          <input
            type="file"
            class="hidden"
            accept=".txt,.csv,.tsv,text/*"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) void load(() => parseFile(file));
              event.currentTarget.value = '';
            }}
          />
        </label>
        : plain text in UTF-8, or a CSV table whose first line names the columns. The last numeric column of a table is
        forecast. Your data never leave this page.
      </p>
      <label for="pasted">Or paste a text</label>
      <textarea id="pasted" rows={3} value={pasted} onInput={(event) => setPasted(event.currentTarget.value)} />
      <button type="button" onClick={() => void load(() => parseText(pasted, 'The pasted text'))}>
        Use this text
      </button>
    </details>
  );
}
