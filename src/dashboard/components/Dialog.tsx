import { useEffect, useId, useRef } from 'react';

interface Props {
  title: string;
  onClose: () => void;
  children: React.ReactNode;
}

/** A modal dialog: Escape and a click beside it close it. */
export function Dialog({ title, onClose, children }: Props): React.ReactNode {
  const box = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const { current } = box;
    current?.showModal();
    // Of its own accord it would choose what is first, whether that can be typed into or not.
    current?.querySelector<HTMLElement>('input, textarea, button')?.focus();
    return () => current?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={titleId}
      onCancel={onClose}
      // Where it is pressed, not where it is let go: who selects a text may end beside the dialog.
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
