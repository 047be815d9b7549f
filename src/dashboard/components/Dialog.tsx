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
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      ref={box}
      aria-labelledby={titleId}
      onCancel={onClose}
      onClick={({ target }) => target === box.current && onClose()}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
    </dialog>
  );
}
