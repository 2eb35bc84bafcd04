package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Process is a bootstrap that runs under a Server of its own. Close it.
type Process struct {
	server  *Server
	cmd     *exec.Cmd
	logs    *logFile
	started time.Time
	exited  chan struct{}
}

// Start runs the bootstrap at path, in its own folder, with f's environment
// and nothing inherited. Its stdout and stderr are kept. It does not wait: see
// WaitReady.
func Start(path string, f Function) (*Process, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", path, err)
	}
	s, err := NewServer(f)
	if err != nil {
		return nil, err
	}
	logs, err := newLogFile()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a log: %w", err), s.Close())
	}
	p := &Process{server: s, logs: logs, exited: make(chan struct{})}
	p.cmd = exec.Command(path)
	if f.Under != "" {
		p.cmd = exec.Command(f.Under, path)
	}
	p.cmd.Dir = filepath.Dir(path)
	p.cmd.Env = f.environ(s.Address(), path)
	p.cmd.Stdout, p.cmd.Stderr = logs.file, logs.file
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", path, err), s.Close(), logs.Close())
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState says it all
		s.Fail(fmt.Errorf("%w: %s", ErrExited, p.cmd.ProcessState))
		close(p.exited)
	}()
	return p, nil
}

// WaitReady waits for the first poll. Its error holds the logs of a function
// that ended before.
func (p *Process) WaitReady(ctx context.Context) error {
	select {
	case <-p.server.Ready():
		return nil
	case <-p.exited:
		return fmt.Errorf("%w\n%s", p.server.deathError(), p.Logs())
	case <-ctx.Done():
		return fmt.Errorf("wait for the first poll: %w", ctx.Err())
	}
}

// Startup is the time from exec to the first poll; zero = not polled yet.
func (p *Process) Startup() time.Duration {
	if at := p.server.ReadyAt(); !at.IsZero() {
		return at.Sub(p.started)
	}
	return 0
}

// Invoke is Server.Invoke.
func (p *Process) Invoke(ctx context.Context, payload []byte) (Answer, error) {
	return p.server.Invoke(ctx, payload)
}

// Logs is what the function wrote so far.
func (p *Process) Logs() string { return p.logs.String() }

// Exited is closed when the process ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// ExitCode is the exit status: -1 while the process runs, and where a signal
// ended it.
func (p *Process) ExitCode() int {
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	default:
		return -1
	}
}

// State is what the system says of the ended process (resource use, status);
// nil while it runs.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.exited:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once (SIGKILL) and waits for its end.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the function: %w", err)
	}
	<-p.exited
	return nil
}

// Close kills the process and closes its server. Logs stay.
func (p *Process) Close() error { return errors.Join(p.Kill(), p.server.Close(), p.logs.Close()) }

// logFile holds what the function wrote. The function writes into it itself, so
// that what it wrote before an answer is there with the answer: through a pipe
// it would come on its own way.
type logFile struct {
	mu   sync.Mutex
	file *os.File // has no name; nil = closed
	last string   // what was in it when it was closed
}

func newLogFile() (*logFile, error) {
	f, err := os.CreateTemp("", "runtimeapi-*.log")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{file: f}, nil
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return l.last
	}
	info, err := l.file.Stat()
	if err != nil {
		return err.Error()
	}
	text := make([]byte, info.Size())
	n, _ := l.file.ReadAt(text, 0) // what cannot be read is missing
	return string(text[:n])
}

// Close keeps what is in the file.
func (l *logFile) Close() error {
	text := l.String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.last = nil, text
	return err
}
