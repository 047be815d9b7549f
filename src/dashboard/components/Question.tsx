import { useId, useRef, useState } from 'react';
import type { Question as Asked, PendingQuestion, QuestionAnswer } from '../../core/index.js';
import { act } from '../api.js';
import { duration, revealed } from '../format.js';
import { useMayAct, useNow } from '../page-context.js';
import { nextAsked } from './next-asked.js';
import { useSteady } from './use-steady.js';
import { useWork } from './use-work.js';

/** What a person has chosen and written for one question. */
interface Draft {
  readonly chosen: readonly string[];
  readonly other: string;
}

const EMPTY: Draft = { chosen: [], other: '' };

/** Questions of the agent, with its options and a field for other words. All questions are answered together. */
export function Question({ sessionId, question }: { sessionId: string; question: PendingQuestion }): React.ReactNode {
  const { questionId, questions, deadline } = question;
  const now = useNow();
  const mayAct = useMayAct();
  const box = useRef<HTMLFieldSetElement>(null);
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const { busy, error, run } = useWork();
  const steady = useSteady(box);
  const answers = questions.map((asked, index) => answerOf(asked, drafts[index] ?? EMPTY));
  const complete = answers.every((answer) => answer !== undefined);
  const change = (place: number, draft: Draft): void =>
    setDrafts(questions.map((_, index) => (index === place ? draft : (drafts[index] ?? EMPTY))));
  const submit = (event: React.FormEvent): void => {
    event.preventDefault();
    // Enter in a field also arrives here while the button is disabled.
    if (!complete || busy || !mayAct || !steady) return;
    const next = nextAsked(box.current);
    run(
      () => act(sessionId, 'answer', { questionId, answers }),
      () => next?.focus(),
    );
  };
  return (
    <fieldset ref={box} className="approval" aria-label="Question of the agent" tabIndex={-1}>
      <form onSubmit={submit} className="asked">
        <p className="question">
          <span>The agent asks</span>
          <span className="left">decides for itself in {duration(deadline - now)}</span>
        </p>
        {questions.map((asked, index) => (
          <OneQuestion
            // biome-ignore lint/suspicious/noArrayIndexKey: the questions of a call never change, and two may read alike
            key={index}
            asked={asked}
            draft={drafts[index] ?? EMPTY}
            onChange={(draft) => change(index, draft)}
          />
        ))}
        <div className="answer">
          <button type="submit" className="primary" disabled={!complete || busy || !steady || !mayAct}>
            Answer
          </button>
        </div>
        {error && <p role="alert">{error}</p>}
      </form>
    </fieldset>
  );
}

interface OneQuestionProps {
  asked: Asked;
  draft: Draft;
  onChange(draft: Draft): void;
}

function OneQuestion({ asked, draft, onChange }: OneQuestionProps): React.ReactNode {
  const { header, text, options, multiSelect } = asked;
  const name = useId();
  const otherId = useId();
  const choose = (label: string, isChosen: boolean): void => {
    const others = draft.chosen.filter((one) => one !== label);
    if (multiSelect) onChange({ ...draft, chosen: isChosen ? [...others, label] : others });
    else onChange({ chosen: [label], other: '' });
  };
  return (
    <fieldset className="choices">
      <legend>
        {header !== undefined && <b>{revealed(header)}</b>} {revealed(text)}
      </legend>
      {options.map(({ label, description, preview }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the options of a question never change, and two may read alike
        <label key={index} className="choice">
          <input
            type={multiSelect ? 'checkbox' : 'radio'}
            name={name}
            checked={draft.chosen.includes(label)}
            onChange={({ target }) => choose(label, target.checked)}
          />
          <span>
            <b>{revealed(label)}</b> {description !== undefined && revealed(description)}
            {preview !== undefined && <code className="preview">{revealed(preview)}</code>}
          </span>
        </label>
      ))}
      <label htmlFor={otherId} className="hidden">
        Answer in other words
      </label>
      <input
        id={otherId}
        value={draft.other}
        maxLength={2_000}
        placeholder={options.length > 0 ? 'or in other words' : 'your answer'}
        onChange={({ target }) =>
          onChange({ chosen: multiSelect || target.value === '' ? draft.chosen : [], other: target.value })
        }
      />
    </fieldset>
  );
}

/** Undefined while the question has no answer. */
function answerOf({ multiSelect }: Asked, { chosen, other }: Draft): QuestionAnswer | undefined {
  const all = other.trim() === '' ? chosen : [...chosen, other];
  if (all.length === 0) return undefined;
  return multiSelect ? all : all[0];
}
