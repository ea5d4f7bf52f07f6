#include "front.h"

#include <vsserror.h>

#include <cstdio>

#include "applications/quiet-record.h"
#include "channel.h"
#include "com-security.h"
#include "json-writer.h"
#include "machine.h"
#include "resident.h"
#include "session.h"

namespace snaphook {

namespace {

std::string hello_event() {
    JsonWriter event("hello");
    event.number("protocol", PROTOCOL);
    event.text("helper", "snaphook-vss " SNAPHOOK_VERSION);
    event.text("os", operating_system());
    event.text("bootId", boot_id());
    return event.finish();
}

}  // namespace

int serve(Stream stream, void (*at_end)()) {
    HRESULT com = begin_com();
    Channel channel(std::move(stream));
    channel.write(hello_event());
    int exit_code = 0;
    {
        Session session(&channel, nullptr);
        if (FAILED(com)) session.fail({com, "COM could not be set up for VSS"});
        while (session.run() == Session::End::RELAY) {
            Handle pipe;
            Failure failure = connect_to_resident(session.relays_resume(), &pipe);
            if (failure) {
                session.refuse(failure);
                continue;
            }
            Stream resident = Stream::of_pipe(std::move(pipe));
            if (!channel.relay_to(&resident, session.relayed())) {
                fputs("the service 'snaphook-vss' has ended\n", stderr);
                exit_code = 1;
                /* It tells what the one that ended has left, before it takes clients. */
                if (!read_left_records().empty()) connect_to_resident(false, &pipe);
            }
            break;
        }
    }
    if (at_end != nullptr) at_end();
    /* The thread that reads may wait for ever, for a client that is still there. */
    ExitProcess(static_cast<UINT>(exit_code));
}

}  // namespace snaphook
