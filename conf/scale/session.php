<?php
// session_start() that bridges a fail-over: it tries again for up to a second while the VIP is
// on its way. PHP's handler itself gives up at the first connection that is refused.

function patient_session_start(array $options = []): bool
{
    for ($try = 0; $try < 20; $try++) {
        if (@session_start($options)) {
            return true;
        }
        usleep(50000);
    }
    return false;
}
