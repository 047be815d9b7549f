/**
 * What happens to a session when its account begins to pay extra usage. `continue`: it goes on. `wait`: its run ends, and it goes
 * on when the window is reset. `end`: it ends as `failed`, reason `overage`.
 */
export type OverageChoice = 'continue' | 'wait' | 'end';
