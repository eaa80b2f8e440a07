# Varnish as a cache in front of `movies-gen serve --hold 3s`. While the API answers, no page is older
# than --max-age when it is loaded, and Varnish asks the server at most once for a page in each --interval.
vcl 4.1;

import std;

backend movies_gen {
    .host = "127.0.0.1";
    .port = "8000";
}

sub vcl_recv {
    # The server answers a request in the last two seconds of a page with the next page.
    set req.http.CDN-Loop = "varnish";
    if (req.url ~ "/events(\?|$)") {
        return (pipe);
    }
}

sub vcl_pipe {
    # Varnish must not send a second request on the connection of a stream.
    set bereq.http.Connection = "close";
}

sub vcl_backend_response {
    # A page must not be shown after its time.
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    unset beresp.http.X-Accel-Expires;
    if (beresp.http.CDN-Cache-Control ~ "max-age=[1-9]") {
        set beresp.ttl = std.duration(
            regsub(beresp.http.CDN-Cache-Control, ".*max-age=(\d+).*", "\1s"), 0s);
        # What is left was left at the moment of the answer.
        unset beresp.http.CDN-Cache-Control;
        # `Cache-Control: no-cache` is for browsers.
        return (deliver);
    }
}
