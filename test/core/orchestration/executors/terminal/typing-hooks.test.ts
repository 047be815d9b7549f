import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { typingHooks } from '../../../../../src/core/orchestration/executors/terminal/typing-hooks.js';
import { deferred } from '../../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../../support/eventually.js';
import { FakeHost } from '../../../../support/hook.js';

/** The hooks of a terminal; the test decides what happens to typed texts. */
function scene({ waits = false, type = async (_text: string): Promise<void> => {} } = {}) {
  const host = new FakeHost();
  const typed: string[] = [];
  const hooks = typingHooks(host, {
    conversationId: 'conversation',
    waits,
    transcriptMs: 20,
    async type(text) {
      await type(text);
      typed.push(text);
    },
  });
  const flags: boolean[] = [];
  hooks.onMessages((waiting) => flags.push(waiting));
  return { host, hooks, typed, flags };
}

describe('a message to an agent in a terminal', () => {
  it('messages for a waiting agent are typed as one text, after a slot is taken', async () => {
    const { host, typed, flags } = scene({ waits: true });
    host.say('one', 'two');
    await eventually(() => expect(host.given).toHaveLength(1));
    expect(typed).toEqual(['one\n\ntwo']);
    expect(host.turns).toEqual(['begins']);
    expect(host.ears).toEqual(['conversation']);
    expect(flags).toEqual([true, false]);
  });

  it('a message for a working agent is left to its hooks until its turn ends, then typed', async () => {
    const { host, hooks, typed } = scene();
    host.say('one');
    await hooks.beforeTurn();
    expect([typed, host.messages]).toEqual([[], ['one']]);
    await hooks.afterTurn();
    await eventually(() => expect(typed).toEqual(['one']));
    expect(host.turns).toEqual(['begins', 'ended', 'begins']);
  });

  it('a message that comes while another is typed is left to the hooks', async () => {
    const typing = deferred<void>();
    const { host, typed } = scene({ waits: true, type: () => typing.promise });
    host.say('one');
    await eventually(() => expect(host.turns).toEqual(['begins']));
    host.say('two');
    typing.resolve();
    await eventually(() => expect(typed).toEqual(['one']));
    expect(host.messages).toEqual(['two']);
  });

  it('a message that cannot be typed waits again, gives the slot back, and is delivered once', async () => {
    let fails = true;
    const { host, hooks, typed } = scene({
      waits: true,
      async type() {
        if (fails) throw new Error('a dialog');
      },
    });
    host.say('one');
    await eventually(() => expect(host.turns).toEqual(['begins', 'ended']));
    expect([host.messages, host.given, typed]).toEqual([['one'], [], []]);
    fails = false;
    host.say('two');
    await eventually(() => expect(typed).toEqual(['one\n\ntwo']));
    expect(host.given).toHaveLength(1);
    await hooks.afterTurn();
    expect([host.messages, typed]).toEqual([[], ['one\n\ntwo']]);
  });

  it('a message that cannot be typed because a person types leaves the turn to that person', async () => {
    const typing = deferred<void>();
    const { host, hooks } = scene({
      waits: true,
      async type() {
        await typing.promise;
        throw new Error('somebody else types');
      },
    });
    host.say('one');
    await eventually(() => expect(host.turns).toEqual(['begins']));
    await hooks.beforeTurn();
    typing.resolve();
    await eventually(() => expect(host.messages).toEqual(['one']));
    expect(host.turns).toEqual(['begins', 'begins']);
  });

  it('a message is typed once even if the turn ends before the typing does', async () => {
    const typing = deferred<void>();
    const { host, hooks, typed } = scene({ waits: true, type: () => typing.promise });
    host.say('one');
    await eventually(() => expect(host.turns).toEqual(['begins']));
    await hooks.beforeTurn();
    void hooks.afterTurn();
    hooks.turnEnded(true);
    typing.resolve();
    await eventually(() => expect(typed).toEqual(['one']));
    host.say('two');
    await eventually(() => expect(typed).toEqual(['one', 'two']));
  });
});

describe('the end of a turn in a terminal', () => {
  it('a turn ends when both hook and transcript have reported it', async () => {
    const { host, hooks } = scene();
    await hooks.beforeTurn();
    void hooks.afterTurn();
    expect(host.turns).toEqual(['begins']);
    hooks.turnEnded(true);
    expect(host.turns).toEqual(['begins', 'ended']);
    await delay(60);
    expect(host.turns).toEqual(['begins', 'ended']);
  });

  it('a turn ends after a while if only the hook has reported it', async () => {
    const { host, hooks } = scene();
    await hooks.beforeTurn();
    await hooks.afterTurn();
    expect(host.turns).toEqual(['begins', 'ended']);
  });

  it('a turn ends by the transcript alone only if no hook will report it', async () => {
    const { host, hooks } = scene();
    await hooks.beforeTurn();
    hooks.turnEnded(true);
    expect(host.turns).toEqual(['begins']);
    hooks.turnEnded(false);
    expect(host.turns).toEqual(['begins', 'ended']);
  });

  it('a late report of an ended turn does not end the next turn', async () => {
    const { host, hooks } = scene();
    await hooks.beforeTurn();
    const told = hooks.afterTurn();
    await hooks.beforeTurn();
    hooks.turnEnded(true);
    await told;
    expect(host.turns).toEqual(['begins', 'begins']);
  });

  it('a reported end is ignored while a prompt waits for its slot', async () => {
    const { host, hooks } = scene({ waits: true });
    const slot = deferred<void>();
    host.beforeTurn = () => slot.promise;
    const begins = hooks.beforeTurn();
    hooks.turnEnded(false);
    slot.resolve();
    await begins;
    expect(host.turns).toEqual([]);
  });

  it('the end of a turn is reported once, however often the agent reports it', async () => {
    const { host, hooks } = scene();
    await hooks.beforeTurn();
    await Promise.all(Array.from({ length: 50 }, () => hooks.afterTurn()));
    for (let time = 0; time < 50; time++) hooks.turnEnded(time % 2 === 0);
    expect(host.turns).toEqual(['begins', 'ended']);
  });
});
