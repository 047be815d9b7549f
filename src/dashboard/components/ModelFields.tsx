import { Field } from './Field.js';

/** From least to most. Claude Code itself decides if none is chosen. */
const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** The fields of a form for what a session is asked: its model, and the form of its result. */
export function ModelFields({ hasOutput }: { hasOutput: boolean }): React.ReactNode {
  return (
    <details className="more">
      <summary>Model and form of the result</summary>
      <div className="pair">
        <Field label="Model">
          <input name="model" maxLength={500} placeholder="default" />
        </Field>
        <Field label="Effort">
          <select name="effort" defaultValue="">
            <option value="">default</option>
            {EFFORTS.map((effort) => (
              <option key={effort}>{effort}</option>
            ))}
          </select>
        </Field>
      </div>
      <Field label="Models to fall back to (optional)">
        <input name="fallbackModels" placeholder="at most three, with commas" />
      </Field>
      {hasOutput && (
        <>
          <Field label="Form of the result (optional)">
            <textarea name="output" rows={2} spellCheck={false} placeholder='a JSON Schema, like {"type": "object"}' />
          </Field>
          <Field label="How often a result that does not fit is asked for again">
            <input name="outputRetries" type="number" min={0} max={10} placeholder="2" />
          </Field>
        </>
      )}
    </details>
  );
}

/** What the fields ask for. @throws Error if the schema is no JSON object */
export function askedBy(form: FormData): Record<string, unknown> {
  const text = (name: string): string => String(form.get(name) ?? '').trim();
  const [model, effort, output, retries] = [text('model'), text('effort'), text('output'), text('outputRetries')];
  const fallbackModels = text('fallbackModels')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return {
    ...(model !== '' && { model }),
    ...(fallbackModels.length > 0 && { fallbackModels }),
    ...(effort !== '' && { effort }),
    ...(output !== '' && { output: schemaOf(output) }),
    ...(retries !== '' && { outputRetries: Number(retries) }),
  };
}

function schemaOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('The form of the result has to be a JSON Schema.');
  }
}
