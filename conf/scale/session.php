<?php
// session_start() that bridges a fail-over: it tries again for up to a second while the VIP
// moves. PHP's own handler gives up at the first connection that is refused.

function patient_session_start(array $options = []): bool
{
    $id = session_id();
    for ($try = 0; $try < 20; $try++) {
        // A failed session_start() forgets the id.
        if ($id !== '' && session_id() !== $id) {
            session_id($id);
        }
        try {
            if (@session_start($options)) {
                return true;
            }
        } catch (Error $error) {
            // It could not make a new id; the next try may succeed.
        }
        usleep(50000);
    }
    return false;
}
