import { useEffect, useId, useRef, type ReactNode } from "react";
import { Icon } from "./icons";

/** A sheet at the side. The browser's own dialog keeps the focus within and closes on Escape. */
export function Drawer({ title, close, children, actions }: {
  title: ReactNode; close: () => void; children: ReactNode; actions?: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    if (!element.open) element.showModal();
    return () => {
      element.close();
      before?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog ref={dialog} className="drawer" aria-labelledby={id} onCancel={(event) => { event.preventDefault(); close(); }}
      onClick={(event) => { if (event.target === dialog.current) close(); }}>
      <div className="drawer-body">
        <header>
          <h2 id={id}>{title}</h2>
          <div className="actions">
            {actions}
            <button type="button" className="icon-button" aria-label="Close" onClick={close}><Icon name="close" /></button>
          </div>
        </header>
        <div className="drawer-content">{children}</div>
      </div>
    </dialog>
  );
}
