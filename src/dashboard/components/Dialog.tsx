import { useEffect, useId, useRef } from 'react';

interface Props {
  title: string;
  onClose: () => void;
  children: React.ReactNode;
}

/** A modal dialog. Escape or a click outside closes it. */
export function Dialog({ title, onClose, children }: Props): React.ReactNode {
  const box = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const { current } = box;
    current?.showModal();
    // By default the browser would focus the first element that can be focused, such as a scrolling box.
    current?.querySelector<HTMLElement>('input, textarea, button')?.focus();
    return () => current?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={titleId}
      onCancel={onClose}
      // Where the pointer is pressed counts, not where it is released: selecting a text may end outside the dialog.
      onPointerDown={({ clientX, clientY }) => {
        const { left, right, top, bottom } = box.current?.getBoundingClientRect() ?? new DOMRect();
        if (clientX < left || clientX > right || clientY < top || clientY > bottom) onClose();
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}
