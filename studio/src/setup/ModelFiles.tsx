/** Saves and opens model files, which are compatible with the command line. */
import { useEffect } from 'preact/hooks';
import { openModel, saveModel } from '../actions.js';
import { session } from '../state.js';
import { saveFile } from '../ui/files.js';

async function openFile(file: File): Promise<void> {
  await openModel(new Uint8Array(await file.arrayBuffer()), file.name);
}

async function save(): Promise<void> {
  const bytes = await saveModel();
  if (bytes) saveFile(bytes as BlobPart, 'application/octet-stream', 'model.safetensors');
}

function useModelDrop(): void {
  useEffect(() => {
    const onDrop = (event: DragEvent): void => {
      const file = event.dataTransfer?.files[0];
      if (file?.name.endsWith('.safetensors')) void openFile(file);
    };
    addEventListener('drop', onDrop);
    return () => removeEventListener('drop', onDrop);
  }, []);
}

export function ModelFiles() {
  useModelDrop();
  return (
    <p class="files">
      <button type="button" disabled={!session.value} onClick={() => void save()}>
        Save model
      </button>{' '}
      <label class="button">
        Open model
        <input
          type="file"
          class="hidden"
          accept=".safetensors"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void openFile(file);
            event.currentTarget.value = '';
          }}
        />
      </label>{' '}
      <span class="hint">
        Compatible with <code>npx unspool</code>.
      </span>
    </p>
  );
}
