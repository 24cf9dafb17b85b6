"""Every way out there is."""

from tocsin.channels import folder, mail, webhook
from tocsin.channels.channel import Channel

CHANNELS: dict[str, Channel] = {
    channel.name: channel for channel in (folder.CHANNEL, mail.CHANNEL, webhook.CHANNEL)
}
