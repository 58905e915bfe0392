"""keepalived's configuration for one node of a test's pair: the one place that knows it."""

TEMPLATE = """\
global_defs {{
 router_id {router}
 script_user root
 enable_script_security
 vrrp_version 3
 vrrp_notify_fifo {dir}/vrrp.fifo
 vrrp_higher_prio_send_advert true
 vrrp_garp_master_refresh 1
 vrrp_garp_lower_prio_repeat 5
}}
track_file health {{
 file {dir}/health
 weight 1
}}
track_file rank {{
 file {dir}/rank
 weight 1
}}
vrrp_script alive {{
 script "{mcreplctl} -s {socket} -t 500 status"
 interval 1
 timeout 2
 fall 2
 rise 1
}}
{more}vrrp_instance {name} {{
 state BACKUP
 nopreempt
 interface {interface}
 virtual_router_id {vrid}
 priority 240
 advert_int {advert:g}
 down_timer_adverts 3
 unicast_src_ip {self}
 unicast_peer {{
  {peer}
 }}
 track_file {{
  health
  rank
{tracked} }}
 track_script {{
  alive
 }}
 virtual_ipaddress {{
  {vip} dev {interface}
 }}
}}
"""


def configuration(**values):
    """values: vip (with /LEN), interface, self, peer, advert (s), dir, socket, mcreplctl,
    name, vrid; extra: a further file that adds to the priority."""
    extra = values.pop("extra", None)
    values["more"] = "track_file extra {\n file %s\n weight 1\n}\n" % extra if extra else ""
    values["tracked"] = "  extra\n" if extra else ""
    return TEMPLATE.format(router=values["name"] + "-" + values["self"], **values)
