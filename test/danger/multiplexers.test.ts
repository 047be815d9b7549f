import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

/** A dangerous command that is handed to a terminal multiplexer, which runs it or types it. */
const DANGEROUS = [
  "tmux new-session -d -s build 'rm -rf /home'",
  "tmux new -ds build 'rm -rf /home'",
  'tmux new -s a -n b -c /tmp -x 80 -y 24 "git reset --hard"',
  'tmux new-session -d rm -rf /home',
  "tmux -L other -f /dev/null new -d 'rm -rf /home'",
  "tmux -S /tmp/socket -2u new-window -t main: -n clean 'rm -rf /home'",
  "tmux neww -dk -t 1 'rm -rf /home'",
  "tmux split-window -h -p 30 'rm -rf /home'",
  "tmux splitw -vd -l 10 -t a 'rm -rf /home'",
  "tmux respawn-pane -k -t a.0 'rm -rf /home'",
  "tmux respawn-window -k 'rm -rf /home'",
  "tmux popup -E -w 80% 'rm -rf /home'",
  "tmux pipe-pane -o -t a 'rm -rf /home'",
  "tmux if-shell 'rm -rf /home' ''",
  'tmux if-shell true \'run-shell "rm -rf /home"\'',
  "tmux if -F 1 'display x' 'run \"rm -rf /home\"'",
  "tmux run-shell -b 'rm -rf /home'",
  "tmux run -b -d 5 'rm -rf /home'",
  "tmux run-s 'rm -rf /home'",
  "tmux -c 'rm -rf /home'",
  "tmux send-keys -t main 'rm -rf /home' Enter",
  "tmux send-keys -t main:1.2 'rm -rf /home' C-m",
  "tmux send -t main -l 'rm -rf /home'",
  'tmux send-keys -t main rm Space -rf Space /home Enter',
  "tmux send-keys -t main 'cd /' Enter 'rm -rf *' Enter",
  'tmux send-keys -t main -H 72 6d 20 2d 72 66 20 2f 0d',
  "tmux send-keys 'rm -rfx' BSpace ' /home' Enter",
  "tmux send-keys -t a 'rm -rf ' && tmux send-keys -t a /home Enter",
  "tmux send-keys -X copy-pipe-and-cancel 'rm -rf /home'",
  "tmux new -d -s a \\; send-keys 'rm -rf /home' Enter",
  "tmux new -d -s a ';' neww 'rm -rf /home'",
  "tmux set-buffer 'rm -rf /home' \\; paste-buffer",
  "tmux bind-key r run-shell 'rm -rf /home'",
  'tmux bind r \'run "rm -rf /home"\'',
  'tmux set-hook -g pane-exited \'run-shell "rm -rf /home"\'',
  "tmux set -g status-right '#(rm -rf /home)'",
  "tmux display-message -p '#(rm -rf /home)'",
  "tmux set-option -g default-command 'rm -rf /home'",
  "tmate new -d 'rm -rf /home'",
  "sudo -u root timeout 5 tmux new -d 'rm -rf /home'",
  'bash -c \'tmux new -d "rm -rf /home"\'',
  "screen -dmS build bash -c 'rm -rf /home'",
  "screen -d -m -S build sh -c 'rm -rf /home'",
  'screen -dm rm -rf /home',
  'screen -t title 1 -p 0 rm -rf /home || screen -S a -t b -c /dev/null rm -rf /home',
  "screen -S build -X stuff 'rm -rf /home\\n'",
  "screen -S build -p 0 -X stuff 'rm -rf /home^M'",
  "screen -XS build stuff 'rm -rf /home\\015' || screen -S build -X stuff $'rm -rf /home\\n'",
  'screen -S build -X exec rm -rf /home',
  'screen -S build -X screen -t x rm -rf /home',
  'screen -S build -X eval \'stuff "rm -rf /home\\015"\'',
  'zellij run -f -- rm -rf /home',
  "zellij action write-chars 'rm -rf /home'",
  'zellij action new-pane -- rm -rf /home',
  "kitty @ send-text --match id:1 'rm -rf /home\\r'",
  'kitty @ launch --type=tab rm -rf /home',
  'wezterm cli spawn -- rm -rf /home',
  'dtach -n /tmp/socket rm -rf /home',
  'abduco -n build rm -rf /home',
];

/** Everyday use of the same programs. */
const HARMLESS = [
  'tmux ls',
  'tmux kill-session -t rm',
  "tmux new -d -s dev 'npm run dev'",
  "tmux new-session -d -s rm -n reset 'npm test'",
  'tmux send-keys -t dev C-c',
  "tmux send-keys -t dev 'npm test' Enter",
  'tmux send-keys -t dev q',
  "tmux send-keys -t dev 'git status' Enter && tmux send-keys -t dev 'git diff' Enter",
  'tmux capture-pane -pt dev -S -100',
  "tmux set -g status-right '#(date)'",
  "tmux pipe-pane -t dev -o 'cat >> /tmp/dev.log'",
  'tmux wait-for done',
  "tmux rename-window 'rm -rf /home'",
  "tmux set-buffer 'rm -rf /home'",
  "tmux display-message 'rm -rf /home'",
  'screen -ls',
  'screen -dmS dev npm run dev',
  "screen -S dev -X stuff 'npm test\\n'",
  'screen -S dev -X quit',
  'screen -r dev',
  'zellij list-sessions',
  'kitty @ ls',
  'dtach -n /tmp/socket npm run dev',
];

describe('a command in a terminal multiplexer', () => {
  it.each(DANGEROUS)('a dangerous command in a terminal multiplexer is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each(HARMLESS)('a harmless command in a terminal multiplexer is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
